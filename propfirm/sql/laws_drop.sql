DROP TRIGGER IF EXISTS plan_law ON propfirm_propplan;
DROP FUNCTION IF EXISTS propfirm_plan_law();

DROP TRIGGER IF EXISTS plan_version_law ON payments_planversion;
DROP TRIGGER IF EXISTS plan_price_law ON payments_planprice;
DROP TRIGGER IF EXISTS invoice_law ON payments_invoice;
DROP FUNCTION IF EXISTS payments_keeps_all_but();

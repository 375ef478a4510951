"""What payments hold about people."""


def register() -> None:
    """Their share of a copy, and what must be settled before somebody goes."""
    from accounts.ports import register_deletion_check, register_personal_data
    from payments.personal_data import DATA, money_obstacle

    register_personal_data(DATA)
    register_deletion_check("money", money_obstacle)

"""Cells of CSV files that people open in spreadsheets."""

# Also as Asian keyboards write them.
_FORMULA, _CONTROL = tuple("=+-@＝＋－＠"), tuple("\t\r\n")


def safe_cell(cell: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.lstrip()[:1] in _FORMULA or cell[:1] in _CONTROL else cell

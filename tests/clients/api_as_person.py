"""A back end that works as the person whose request it serves: the official SDK, with the assertion in place of a token.

Usage: api_as_person.py API SHEET TASK, with the assertion on standard input. Prints what it saw.
"""

import json
import sys

import smartsheet
from smartsheet.models import Cell, Row
from smartsheet.smartsheet import AbstractUserCalcBackoff

api, sheet_name, task = sys.argv[1:]


class Patience(AbstractUserCalcBackoff):
    """Tries again after a moment, and remembers why."""

    reasons = []

    def calc_backoff(self, previous_attempts, total_elapsed_time, error_result):
        self.reasons.append(error_result.code)
        return 0.2 if previous_attempts < 9 else -1


client = smartsheet.Smartsheet(sys.stdin.read(), api_base=api, max_retry_time=Patience())
client.errors_as_exceptions(True)
who = client.Users.get_current_user().email
listed = {sheet.name: sheet.id for sheet in client.Sheets.list_sheets(include_all=True).data}
board = client.Sheets.get_sheet(listed[sheet_name])
row = Row({"to_bottom": True})
row.cells.append(Cell({"column_id": board.columns[0].id, "value": task}))
client.Sheets.add_rows(board.id, [row])
seen = client.Sheets.get_sheet(board.id, include="writerInfo")
added = next(row for row in seen.rows if row.cells[0].value == task)
numbers = [
    row.row_number for page in range(1, 11) for row in client.Sheets.get_sheet(listed["5,000 rows"], page_size=100, page=page).rows
]
print(json.dumps({"who": who, "by": added.created_by.email, "numbers": numbers, "reasons": Patience.reasons}))

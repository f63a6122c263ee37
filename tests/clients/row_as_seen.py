"""A row as the official SDK reads it: who made it, who changed it last, and the past of its first cell, newest first.

Usage: row_as_seen.py API ACCESS_TOKEN SHEET TASK
"""

import json
import sys

import smartsheet

api, access_token, sheet_name, task = sys.argv[1:]
client = smartsheet.Smartsheet(access_token, api_base=api)
client.errors_as_exceptions(True)
sheet_id = next(sheet.id for sheet in client.Sheets.list_sheets(include_all=True).data if sheet.name == sheet_name)
sheet = client.Sheets.get_sheet(sheet_id, include="writerInfo")
row = next(row for row in sheet.rows if row.cells[0].value == task)
past = client.Cells.get_cell_history(sheet_id, row.id, row.cells[0].column_id, include_all=True).data
seen = {
    "created": row.created_by.email,
    "modified": row.modified_by.email,
    "past": [[entry.value, entry.modified_by.email] for entry in past],
}
print(json.dumps(seen))

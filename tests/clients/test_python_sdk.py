"""Smartsheet's official SDK for Python."""

import threading

import requests
import smartsheet
from smartsheet.exceptions import (
    ApiError,
    RateLimitExceededError,
    ServerTimeoutExceededError,
    SystemMaintenanceError,
    UnexpectedErrorShouldRetryError,
    UnexpectedRequestError,
)
from smartsheet.models import Cell, Row
from smartsheet.smartsheet import AbstractUserCalcBackoff

from sandbox import BOARD, BOTH_SCOPES, CLIENT_ID, PROJECT_PLAN, REDIRECT_URL, SandboxTest, hash_of

# Above 2^53, where JavaScript's numbers end.
GRACE = 9187654321098765


class Patience(AbstractUserCalcBackoff):
    """Tries again at once, at most so many times, and remembers why."""

    def __init__(self, retries):
        self.retries = retries
        self.reasons = []

    def calc_backoff(self, previous_attempts, total_elapsed_time, error_result):
        self.reasons.append(error_result.code)
        return 0 if previous_attempts <= self.retries else -1


def row(location="to_top", **cell):
    new = Row({location: True} if location else {})
    new.cells.append(Cell(cell))
    return new


class PythonSdkTest(SandboxTest):
    def setUp(self):
        super().setUp()
        self.nobody = self.client("none yet")

    def client(self, access_token, retry=30, raising=True):
        client = smartsheet.Smartsheet(access_token, api_base=self.sandbox.api, max_retry_time=retry)
        client.errors_as_exceptions(raising)
        return client

    def sign_in(self, scope=BOTH_SCOPES, user="full"):
        code = self.sandbox.code(scope, user)
        return self.nobody.Token.get_access_token(CLIENT_ID, code, hash_of(code))

    def signed_in(self, scope=BOTH_SCOPES, user="full", **options):
        client = self.client(self.sign_in(scope, user).access_token, **options)
        self.sandbox.seen()
        return client

    def refused(self, status, code, call, *args, kind=ApiError):
        """The error that the call ends with, after a look at what every error has."""
        with self.assertRaises(kind) as caught:
            call(*args)
        result = caught.exception.error.result
        self.assertEqual((result.status_code, result.code), (status, code), result.message)
        self.assertTrue(result.message and result.ref_id)
        self.assertEqual(caught.exception.should_retry, 4001 <= code <= 4004)
        return result


class Token(PythonSdkTest):
    def test_exchange(self):
        """Python SDK: a code is exchanged for a pair of tokens that live 7 days"""
        tokens = self.sign_in()
        self.assertEqual((tokens.token_type, tokens.expires_in), ("bearer", 604799))
        self.assertTrue(tokens.access_token and tokens.refresh_token)
        self.assertNotEqual(tokens.access_token, tokens.refresh_token)

    def test_redirect_url(self):
        """Python SDK: the redirect URL may be sent along; another one is refused with 1073"""
        code = self.sandbox.code()
        exchange = self.nobody.Token.get_access_token
        self.refused(400, 1073, exchange, CLIENT_ID, code, hash_of(code), "http://localhost:8080/other")
        tokens = exchange(CLIENT_ID, code, hash_of(code), REDIRECT_URL)
        refresh = self.nobody.Token.refresh_access_token
        hashed = hash_of(tokens.refresh_token)
        self.refused(400, 1073, refresh, CLIENT_ID, tokens.refresh_token, hashed, "http://localhost:8080/other")
        self.assertTrue(refresh(CLIENT_ID, tokens.refresh_token, hashed, REDIRECT_URL).access_token)

    def test_code_once(self):
        """Python SDK: a code that comes again is refused with 1071, and what it issued is revoked"""
        code = self.sandbox.code()
        exchange = self.nobody.Token.get_access_token
        tokens = exchange(CLIENT_ID, code, hash_of(code))
        self.refused(400, 1071, exchange, CLIENT_ID, code, hash_of(code))
        self.refused(401, 1002, self.client(tokens.access_token).Users.get_current_user)

    def test_bad_exchanges(self):
        """Python SDK: unknown client 1067, wrong hash 1072, unknown code 1071, expired code 1069"""
        code = self.sandbox.code()
        exchange = self.nobody.Token.get_access_token
        self.refused(401, 1067, exchange, "app-6uk", code, hash_of(code))
        self.refused(400, 1072, exchange, CLIENT_ID, code, hash_of(code).upper())
        self.refused(400, 1071, exchange, CLIENT_ID, "made-up", hash_of("made-up"))
        self.assertEqual(self.sandbox.control("POST", "expire", what="codes"), {"expired": 1})
        self.refused(400, 1069, exchange, CLIENT_ID, code, hash_of(code))

    def test_refresh(self):
        """Python SDK: refreshing replaces both tokens; neither of the old ones works afterwards"""
        old = self.sign_in()
        refresh = self.nobody.Token.refresh_access_token
        new = refresh(CLIENT_ID, old.refresh_token, hash_of(old.refresh_token))
        self.assertEqual(self.client(new.access_token).Users.get_current_user().id, GRACE)
        self.refused(401, 1002, self.client(old.access_token).Users.get_current_user)
        self.refused(400, 1071, refresh, CLIENT_ID, old.refresh_token, hash_of(old.refresh_token))
        # A late second try does not harm the pair in force.
        self.assertEqual(self.client(new.access_token).Users.get_current_user().id, GRACE)

    def test_expired(self):
        """Python SDK: an access token that has expired is refused with 1003 until it is refreshed"""
        tokens = self.sign_in()
        self.assertEqual(self.sandbox.control("POST", "expire", what="access_tokens"), {"expired": 1})
        self.refused(401, 1003, self.client(tokens.access_token).Users.get_current_user)
        new = self.nobody.Token.refresh_access_token(CLIENT_ID, tokens.refresh_token, hash_of(tokens.refresh_token))
        self.assertEqual(self.client(new.access_token).Users.get_current_user().id, GRACE)

    def test_revoke(self):
        """Python SDK: a revoked grant works no more, neither to call (1002) nor to refresh (1132)"""
        tokens = self.sign_in()
        other = self.signed_in()
        client = self.client(tokens.access_token)
        answer = client.Token.revoke_access_token()
        self.assertEqual((answer.result_code, answer.message), (0, "SUCCESS"))
        self.refused(401, 1002, client.Users.get_current_user)
        refresh = self.nobody.Token.refresh_access_token
        self.refused(400, 1132, refresh, CLIENT_ID, tokens.refresh_token, hash_of(tokens.refresh_token))
        self.assertEqual(other.Users.get_current_user().id, GRACE)
        self.assertEqual(self.sandbox.control("POST", "revoke"), {"revoked": 1})
        self.refused(401, 1002, other.Users.get_current_user)


class Users(PythonSdkTest):
    def test_every_field(self):
        """Python SDK: the profile that has every field arrives whole"""
        user = self.signed_in(scope="").Users.get_current_user()
        self.assertEqual((user.id, user.email), (GRACE, "grace.hopper@example.com"))
        self.assertEqual((user.first_name, user.last_name), ("Grace", "Hopper"))
        self.assertEqual((user.locale, user.time_zone), ("en_US", "US/Pacific"))
        self.assertEqual((user.account.id, user.account.name), (4503599627370496, "Harbor Computing"))
        self.assertEqual([email.confirmed for email in user.alternate_emails], [True, False])
        self.assertEqual((user.profile_image.height, user.profile_image.width), (1050, 1050))
        self.assertEqual((user.admin, user.resource_viewer, user.sheet_count), (True, True, 2))
        self.assertEqual(user.last_login.isoformat(), "2026-03-02T08:15:30+00:00")

    def test_other_users(self):
        """Python SDK: a profile of two fields, one in many scripts, and a plan without API access (1004)"""
        bare = self.signed_in(user="minimal").Users.get_current_user()
        self.assertEqual((bare.email, bare.first_name, bare.account), ("sam@example.com", None, None))
        zoe = self.signed_in(user="unicode").Users.get_current_user()
        self.assertEqual((zoe.first_name, zoe.last_name), ("Zoë <b>\"O'Brien\"", "& 李小龍 مريم"))
        self.refused(403, 1004, self.signed_in(user="no-api").Users.get_current_user)

    def test_no_token(self):
        """Python SDK: a token that nobody issued is refused with 1002"""
        self.refused(401, 1002, self.nobody.Users.get_current_user)


class Sheets(PythonSdkTest):
    def setUp(self):
        super().setUp()
        self.client_in = self.signed_in()
        self.sheets = self.client_in.Sheets
        listed = {sheet.name: sheet.id for sheet in self.sheets.list_sheets(include_all=True).data}
        self.plan = self.sheets.get_sheet(listed[PROJECT_PLAN])
        self.columns = {column.title: column.id for column in self.plan.columns}

    def tasks(self):
        task = self.columns["Task"]
        return [row.get_column(task).value for row in self.sheets.get_sheet(self.plan.id).rows]

    def add(self, *rows):
        return self.sheets.add_rows(self.plan.id, list(rows))

    def test_list(self):
        """Python SDK: sheets are listed, whole and by pages"""
        every = self.sheets.list_sheets(include_all=True)
        self.assertEqual((every.total_count, every.total_pages), (6, 1))
        self.assertEqual([sheet.name for sheet in every.data[:3]], [PROJECT_PLAN, "Travel budget", BOARD])
        page = self.sheets.list_sheets(page_size=1, page=2)
        self.assertEqual((page.page_number, page.page_size, page.total_pages, page.total_count), (2, 1, 6, 6))
        self.assertEqual([sheet.name for sheet in page.data], ["Travel budget"])
        self.assertEqual(page.data[0].access_level.value.name, "OWNER")

    def test_get(self):
        """Python SDK: a sheet has its columns, rows and cells, and who wrote them"""
        kinds = [column.type.value.name for column in self.plan.columns]
        self.assertEqual(kinds, ["TEXT_NUMBER", "CONTACT_LIST", "DATE", "PICKLIST", "CHECKBOX"])
        self.assertEqual([column.primary for column in self.plan.columns], [True, None, None, None, None])
        self.assertEqual(list(self.plan.columns[3].options), ["Not started", "In progress", "Complete"])
        first = self.plan.rows[0]
        values = [cell.value for cell in first.cells]
        self.assertEqual(values, ["Register the app", "grace.hopper@example.com", "2026-02-02", "Complete", True])
        self.assertEqual((first.row_number, first.created_by, first.modified_by), (1, None, None))
        named = self.sheets.get_sheet(self.plan.id, include="writerInfo").rows[0]
        self.assertEqual(named.created_by.email, "grace.hopper@example.com")
        self.assertEqual(first.created_at.isoformat(), "2026-01-05T09:00:00+00:00")
        self.assertEqual((self.plan.version, self.plan.total_row_count), (1, 3))
        rows = self.sheets.get_sheet(self.plan.id, page_size=2, page=2).rows
        self.assertEqual([row.row_number for row in rows], [3])

    def test_add_to_top(self):
        """Python SDK: rows go to the top, in their order"""
        first = row(column_id=self.columns["Task"], value="One")
        second = row(column_id=self.columns["Task"], value="Two")
        second.cells.append(Cell({"column_id": self.columns["Done"], "value": True}))
        answer = self.add(first, second)
        self.assertEqual((answer.message, answer.result_code, answer.version), ("SUCCESS", 0, 2))
        added = [(new.row_number, new.get_column(self.columns["Task"]).value) for new in answer.result]
        self.assertEqual(added, [(1, "One"), (2, "Two")])
        self.assertEqual(answer.result[1].get_column(self.columns["Done"]).value, True)
        self.assertIsNotNone(answer.result[0].created_at)
        self.assertEqual(self.tasks()[:3], ["One", "Two", "Register the app"])

    def test_add_to_bottom(self):
        """Python SDK: a row goes to the bottom, and beside a sibling"""
        answer = self.sheets.add_rows(self.plan.id, row("to_bottom", column_id=self.columns["Task"], value="Last"))
        last = answer.result[0] if isinstance(answer.result, list) else answer.result
        self.assertEqual((last.row_number, last.sibling_id), (4, self.plan.rows[-1].id))
        below = row(None, column_id=self.columns["Task"], value="After the first")
        below.sibling_id = self.plan.rows[0].id
        self.add(below)
        self.assertEqual(self.tasks()[1], "After the first")
        self.assertEqual(self.tasks()[-1], "Last")

    def test_per_user(self):
        """Python SDK: what one user writes, another does not see"""
        self.add(row(column_id=self.columns["Task"], value="Mine"))
        others = self.signed_in(user="unicode").Sheets
        plan = others.get_sheet(others.list_sheets(include_all=True).data[0].id)
        self.assertEqual((plan.name, plan.version, len(plan.rows)), (PROJECT_PLAN, 1, 3))
        self.refused(404, 1006, others.get_sheet, self.plan.id)

    def test_bad_rows(self):
        """Python SDK: rows are refused for a wrong column 1036, a wrong type 1042, no location 1062, no value 1012"""
        task, due = self.columns["Task"], self.columns["Due"]
        good = row(column_id=task, value="Good")
        self.refused(400, 1036, self.add, row(column_id=1, value="x"))
        self.refused(400, 1042, self.add, row(column_id=due, value="tomorrow"))
        self.refused(400, 1042, self.add, row(column_id=self.columns["Done"], value="yes"))
        self.refused(400, 1042, self.add, row(column_id=self.columns["Status"], value="Perhaps"))
        self.refused(400, 1062, self.add, row(None, column_id=task, value="x"))
        self.refused(400, 1012, self.add, row(column_id=task))
        self.refused(400, 1041, self.add, row(column_id=task, value="x" * 4001))
        result = self.refused(400, 1036, self.add, good, row(column_id=1, value="x"))
        self.assertIn("columnId 1 ", result.message)
        self.assertEqual(self.tasks()[0], "Register the app", "nothing of a refused request is kept")
        loose = row(column_id=due, value="tomorrow", strict=False)
        self.assertEqual(self.add(loose).message, "SUCCESS")

    def test_not_found(self):
        """Python SDK: a sheet that is not there is 404 with 1006"""
        self.refused(404, 1006, self.sheets.get_sheet, 1)

    def test_scopes(self):
        """Python SDK: without READ_SHEETS nothing is read, without WRITE_SHEETS nothing written (1004)"""
        new = row(column_id=self.columns["Task"], value="x")
        reader = self.signed_in(scope="READ_SHEETS").Sheets
        self.assertEqual(reader.get_sheet(self.plan.id).id, self.plan.id)
        self.refused(403, 1004, reader.add_rows, self.plan.id, [new])
        writer = self.signed_in(scope="WRITE_SHEETS,ADMIN_SHEETS").Sheets
        self.refused(403, 1004, writer.list_sheets)
        self.assertEqual(writer.add_rows(self.plan.id, [new]).message, "SUCCESS")


class SharedSheet(PythonSdkTest):
    """Two people, one sheet; a third who may only look."""

    def setUp(self):
        super().setUp()
        self.grace, self.sam, self.zoe = (self.board(user) for user in ("full", "minimal", "unicode"))
        self.columns = {column.title: column.id for column in self.grace.sheet.columns}
        self.rows = {row.cells[0].value: row.id for row in self.grace.sheet.rows}

    def board(self, user):
        sheets = self.signed_in(user=user)
        board = next(sheet for sheet in sheets.Sheets.list_sheets(include_all=True).data if sheet.name == BOARD)
        sheets.sheet = sheets.Sheets.get_sheet(board.id)
        return sheets

    def change(self, client, task, title, value):
        changed = Row({"id": self.rows[task]})
        changed.cells.append(Cell({"column_id": self.columns[title], "value": value}))
        return client.Sheets.update_rows(self.grace.sheet.id, [changed])

    def test_access_levels(self):
        """Python SDK: who shares a sheet sees the same, with their own access level; a viewer is refused with 1004"""
        self.assertEqual(self.grace.sheet.id, self.sam.sheet.id)
        levels = [client.sheet.access_level.value.name for client in (self.sam, self.grace, self.zoe)]
        self.assertEqual(levels, ["OWNER", "EDITOR", "VIEWER"])
        self.refused(403, 1004, self.change, self.zoe, "Look back", "Hours", 1)
        self.refused(403, 1004, self.zoe.Sheets.add_rows, self.zoe.sheet.id, [row(column_id=self.columns["Task"], value="x")])

    def test_update(self):
        """Python SDK: rows are changed in the name of whose token it is, and the version counts"""
        before = self.sam.Sheets.get_sheet_version(self.sam.sheet.id).version
        answer = self.change(self.grace, "Look back", "Status", "Complete")
        self.assertEqual((answer.message, answer.version), ("SUCCESS", before + 1))
        self.assertEqual(answer.result[0].get_column(self.columns["Status"]).value, "Complete")
        seen = self.sam.Sheets.get_row(self.sam.sheet.id, self.rows["Look back"], include="writerInfo")
        self.assertEqual((seen.created_by.email, seen.modified_by.email), ("sam@example.com", "grace.hopper@example.com"))
        self.assertEqual(seen.get_column(self.columns["Status"]).value, "Complete")
        self.assertEqual(self.sam.Sheets.get_sheet_version(self.sam.sheet.id).version, before + 1)

    def test_history(self):
        """Python SDK: a cell's history says who wrote which value, newest first"""
        history = self.sam.Cells.get_cell_history
        past = history(self.sam.sheet.id, self.rows["Draw the pages"], self.columns["Status"], include_all=True)
        told = [(entry.value, entry.modified_by.email.split("@")[0]) for entry in past.data]
        self.assertEqual(told, [("Complete", "grace.hopper"), ("In progress", "grace.hopper"), ("Not started", "sam")])

    def test_narrow(self):
        """Python SDK: a sheet is read in parts, and only when it changed"""
        get, sheet = self.grace.Sheets.get_sheet, self.grace.sheet
        wanted = [self.rows["Look back"], self.rows["Launch"]]
        part = get(sheet.id, row_ids=wanted, column_ids=[self.columns["Task"]])
        self.assertEqual([[cell.value for cell in row.cells] for row in part.rows], [["Launch"], ["Look back"]])
        since = get(sheet.id, rows_modified_since="2026-01-08T10:00:00Z")
        self.assertEqual([row.cells[0].value for row in since.rows], ["Translate them"])
        same = get(sheet.id, if_version_after=sheet.version)
        self.assertEqual((same.version, len(same.rows)), (sheet.version, 0))

    def test_collision(self):
        """Python SDK: a change while another one is being saved is refused with 4004, and tried again until it is through"""
        self.sandbox.fail_next(f"/sheets/{self.grace.sheet.id}/rows", "slow", delay_ms=1500)
        results = []
        slow = threading.Thread(target=lambda: results.append(self.change(self.grace, "Look back", "Hours", 1)))
        slow.start()
        self.addCleanup(slow.join)
        while not self.sandbox.control("GET", "requests"):
            pass
        patience = Patience(retries=10_000)
        sam = self.sam
        sam._user_calc_backoff = patience
        self.change(sam, "Look back", "Hours", 2)
        slow.join()
        self.assertIn(4004, patience.reasons)
        self.assertEqual(results[0].message, "SUCCESS")
        seen = sam.Sheets.get_row(sam.sheet.id, self.rows["Look back"])
        self.assertEqual(seen.get_column(self.columns["Hours"]).value, 2)

    def test_large(self):
        """Python SDK: a sheet of 5,000 rows by pages, one of 200 columns, one with every type of column"""
        sheets = self.grace.Sheets
        listed = {sheet.name: sheet.id for sheet in sheets.list_sheets(include_all=True).data}
        page = sheets.get_sheet(listed["5,000 rows"], page_size=100, page=50)
        self.assertEqual((page.total_row_count, page.rows[-1].row_number), (5000, 5000))
        self.assertEqual(len(sheets.get_sheet(listed["200 columns"]).columns), 200)
        kinds = sheets.get_sheet(listed["Columns of every type"]).columns
        self.assertGreaterEqual(len({column.type.value.name for column in kinds}), 11)
        system = [column.system_column_type.value.name for column in kinds if column.system_column_type.value]
        self.assertEqual(system, ["AUTO_NUMBER", "CREATED_BY", "CREATED_DATE", "MODIFIED_BY", "MODIFIED_DATE"])


class Retries(PythonSdkTest):
    def test_retried(self):
        """Python SDK: 4001, 4002, 4003 and 4004 are tried again until the call succeeds"""
        patience = Patience(retries=4)
        client = self.signed_in(retry=patience)
        self.sandbox.fail_next("/users/me", "maintenance", "timeout", "rate_limit", "please_retry")
        self.assertEqual(client.Users.get_current_user().id, GRACE)
        self.assertEqual(patience.reasons, [4001, 4002, 4003, 4004])
        statuses = [503, 500, 429, 500, 200]
        self.assertEqual(self.sandbox.seen(), [f"GET /users/me {status}" for status in statuses])

    def test_given_up(self):
        """Python SDK: each of the four has its error class once the SDK gives up"""
        client = self.signed_in(retry=Patience(retries=1))
        for fault, status, code, kind in [
            ("maintenance", 503, 4001, SystemMaintenanceError),
            ("timeout", 500, 4002, ServerTimeoutExceededError),
            ("rate_limit", 429, 4003, RateLimitExceededError),
            ("please_retry", 500, 4004, UnexpectedErrorShouldRetryError),
        ]:
            self.sandbox.fail_next("/users/me", fault, times=2)
            self.refused(status, code, client.Users.get_current_user, kind=kind)
            self.assertEqual(len(self.sandbox.seen()), 2)
        self.assertEqual(client.Users.get_current_user().id, GRACE)

    def test_not_retried(self):
        """Python SDK: 4000 and tokens that are refused are not tried again"""
        client = self.signed_in(retry=Patience(retries=9))
        faults = [("server_error", 500, 4000), ("invalid_token", 401, 1002), ("expired_token", 401, 1003)]
        for fault, status, code in faults:
            self.sandbox.fail_next("/users/me", fault)
            self.refused(status, code, client.Users.get_current_user)
            self.assertEqual(self.sandbox.seen(), [f"GET /users/me {status}"])

    def test_own_backoff(self):
        """Python SDK: with its own backoff it comes through a rate limit, too"""
        client = self.signed_in()
        self.sandbox.fail_next("/sheets", "rate_limit", retry_after=1)
        self.assertEqual(client.Sheets.list_sheets(include_all=True).total_count, 6)
        self.assertEqual(self.sandbox.seen(), ["GET /sheets 429", "GET /sheets 200"])

    def test_post_retried(self):
        """Python SDK: an exchange and new rows are tried again, and happen once"""
        patience = Patience(retries=1)
        self.nobody = self.client("none yet", retry=patience)
        self.sandbox.fail_next("/token", "maintenance")
        client = self.client(self.sign_in().access_token, retry=patience)
        plan = client.Sheets.list_sheets(include_all=True).data[0].id
        self.sandbox.fail_next(f"/sheets/{plan}/rows", "timeout")
        column = client.Sheets.get_sheet(plan).columns[0].id
        self.assertEqual(client.Sheets.add_rows(plan, [row(column_id=column, value="Once")]).version, 2)
        self.assertEqual(client.Sheets.get_sheet(plan).total_row_count, 4)

    def test_no_api_error(self):
        """Python SDK: HTML, JSON that is cut off and a closed connection fail as the SDK says such things"""
        silent = self.signed_in(raising=False)
        self.sandbox.fail_next("/users/me", "unavailable_html", "malformed", "reset")
        result = silent.Users.get_current_user().result
        self.assertEqual((result.status_code, result.code, result.should_retry), (503, 0, False))
        with self.assertRaises(ValueError):
            silent.Users.get_current_user()
        with self.assertRaises(UnexpectedRequestError):
            silent.Users.get_current_user()
        self.assertEqual(silent.Users.get_current_user().id, GRACE)


class RateLimit(PythonSdkTest):
    flags = ("--rate-limit", "3")

    def test_rate_limit(self):
        """Python SDK: --rate-limit answers 429 with 4003 and says when to come back, to each token on its own"""
        client = self.signed_in(retry=Patience(retries=0))
        for _ in range(3):
            client.Users.get_current_user()
        self.refused(429, 4003, client.Users.get_current_user, kind=RateLimitExceededError)
        # The SDK does not show headers.
        bearer = {"authorization": f"Bearer {client._access_token}"}
        answer = requests.get(self.sandbox.api + "/users/me", headers=bearer, timeout=10)
        self.assertIn(int(answer.headers["retry-after"]), range(1, 61))
        self.assertEqual(self.signed_in().Users.get_current_user().id, GRACE)

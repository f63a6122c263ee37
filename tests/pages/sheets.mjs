// The sheets and rows, in every state that a person can meet.

// Shared: “full” is an editor, “unicode” a viewer, “minimal” the owner.
const BOARD = '/sheets/2331373580117892';
// A column of every kind, for an editor who is no administrator.
const KINDS = '/sheets/5508263417997188';
const MANY_ROWS = '/sheets/8046124903589764';
const MANY_COLUMNS = '/sheets/1205473673316228';

const as = (user, path) => (visit) => visit.signIn(user, `/login?return_to=${encodeURIComponent(path)}`);

// The first row that offers to be changed, or the one of this number.
const rowOf = (user, sheet, number = 1) => async (visit) => {
  await as(user, sheet)(visit);
  await visit.click(`tbody tr:nth-of-type(${number}) a[href*="/rows/"]`);
};

const SAVE = 'form[action*="/rows"] button';

async function type(visit, value) {
  await visit.page.$eval('form[action*="/rows"] input[id^="column-"]', (field, text) => { field.value = text; }, value);
}

export async function saveRow(visit, value) {
  await type(visit, value);
  await visit.click(SAVE);
}

async function added(visit) {
  await as('full', BOARD)(visit);
  await saveRow(visit, 'A row of the test');
}

async function changed(visit) {
  await rowOf('full', BOARD, 3)(visit);
  await saveRow(visit, 'Write other texts');
}

// The same person in two tabs is two people to the form.
async function conflict(visit) {
  await rowOf('full', BOARD, 8)(visit);
  const form = visit.page.url();
  const other = await visit.newPage();
  await other.goto(form);
  await other.$eval('input[id^="column-"]', (field) => { field.value = 'What the other wrote'; });
  await Promise.all([other.waitForNavigation(), other.click(SAVE)]);
  await other.close();
  await saveRow(visit, 'What I wrote');
}

const saving = (fault, more = {}) => async (visit) => {
  await as('full', BOARD)(visit);
  await type(visit, 'Typed and kept');
  await visit.order({ path: `/2.0${BOARD}/rows`, fault, times: 100, ...more });
  await visit.click(SAVE);
};

async function empty(visit) {
  await as('full', BOARD)(visit);
  await visit.click(SAVE);
}

async function signedOut(visit) {
  await as('full', BOARD)(visit);
  await type(visit, 'Typed and kept');
  await visit.page.deleteCookie({ name: 'session', url: visit.page.url() });
  await visit.click(SAVE);
}

const readOnly = (path) => (visit) =>
  visit.signIn('full', `/login?scope=READ_SHEETS&return_to=${encodeURIComponent(path)}`);

async function failing(visit) {
  await visit.order({ path: '/2.0/sheets', fault: 'server_error', times: 100 });
  await as('full', '/sheets')(visit);
}

export const SHEET_STATES = [
  { name: 'sheets', status: 200, inPieces: true, reach: as('full', '/sheets') },
  { name: 'sheets-found', status: 200, reach: as('full', '/sheets?q=board') },
  { name: 'sheets-not-found', status: 200, reach: as('full', '/sheets?q=nothing+of+this+name') },
  { name: 'sheets-beyond', status: 404, reach: as('full', '/sheets?page=9') },
  { name: 'sheets-failing', status: 502, reach: failing },
  { name: 'sheets-scope-missing', status: 403, reach: (visit) => visit.signIn('full', '/login?scope=WRITE_SHEETS&return_to=/sheets') },

  { name: 'sheet-shared', status: 200, inPieces: true, reach: as('full', BOARD) },
  { name: 'sheet-of-kinds', status: 200, reach: as('unicode', KINDS) },
  { name: 'sheet-viewer', status: 200, reach: as('unicode', BOARD) },
  { name: 'sheet-read-only', status: 200, reach: readOnly(BOARD) },
  { name: 'sheet-long', status: 200, reach: as('full', `${MANY_ROWS}?page=25`) },
  { name: 'sheet-wide', status: 200, reach: as('full', MANY_COLUMNS) },
  { name: 'sheet-gone', status: 404, reach: as('full', '/sheets/17') },
  { name: 'sheet-added', status: 200, reach: added },
  { name: 'sheet-changed', status: 200, reach: changed },

  { name: 'row-of-two', status: 200, inPieces: true, reach: rowOf('full', BOARD, 2) },
  { name: 'row-of-kinds', status: 200, reach: rowOf('unicode', KINDS) },
  { name: 'row-odd', status: 200, reach: rowOf('unicode', KINDS, 3) },
  { name: 'row-locked', status: 200, reach: rowOf('full', BOARD, 6) },
  { name: 'row-read-only', status: 200, reach: readOnly(`${BOARD}/rows/2331373580117924`) },
  { name: 'row-gone', status: 404, reach: as('full', `${BOARD}/rows/17`) },
  { name: 'row-conflict', status: 409, reach: conflict },
  { name: 'row-empty', status: 422, reach: empty },
  { name: 'row-failing', status: 502, reach: saving('server_error') },
  { name: 'row-paused', status: 503, reach: saving('rate_limit', { retry_after: 60 }) },
  { name: 'row-signed-out', status: 401, reach: signedOut },
];

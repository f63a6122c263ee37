// Smartsheet's API as the person whose request is answered: the app takes the assertion that came with it in place of a token.

// What Smartsheet answers to one call.
async function call(appUrl, request, method, path, body) {
  const answer = await fetch(`${appUrl}/auth/api/2.0${path}`, {
    method,
    body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${request.get('x-smartsheet-assertion')}`, 'content-type': 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(45_000),
  });
  // 502 and 504 of the app say that it may have been done all the same.
  const refused = [502, 504].includes(answer.status) ? undefined : answer.status;
  if (!answer.ok) throw Object.assign(new Error(`status ${answer.status}`), { refused });
  return answer.json();
}

// Adds a row to the sheet of that name and says who made it, as Smartsheet has it. Undefined when there is no such sheet.
export async function addRow(appUrl, request, name, text) {
  const ask = (...args) => call(appUrl, request, ...args);
  const sheet = (await ask('GET', '/sheets?includeAll=true')).data.find((one) => one.name === name);
  if (!sheet) return undefined;
  const { columns } = await ask('GET', `/sheets/${sheet.id}?pageSize=1`);
  const columnId = columns.find((column) => column.primary).id;
  const added = await ask('POST', `/sheets/${sheet.id}/rows`, [{ toBottom: true, cells: [{ columnId, value: text }] }]);
  const seen = await ask('GET', `/sheets/${sheet.id}?rowIds=${added.result[0].id}&include=writerInfo`);
  const { name: person, email } = seen.rows[0].createdBy;
  return person ?? email;
}

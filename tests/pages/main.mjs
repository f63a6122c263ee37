// Visits every state and checks what is there. Usage: node main.mjs PROGRAM [NAME …]

import { launch } from './browser.mjs';
import { accessibility } from './checks/axe.mjs';
import { validHtml } from './checks/html.mjs';
import { noLayoutShift, noSidewaysScrolling, prints } from './checks/layout.mjs';
import { noComplaint, nothingFromElsewhere, nothingInline, strictPolicy } from './checks/safety.mjs';
import { sameWithoutJavaScript } from './checks/without_javascript.mjs';
import { chosen, inParallel } from './queue.mjs';
import { checkViews } from './views.mjs';
import { LOOKS, Visit, WIDTHS } from './visit.mjs';

const [program, ...names] = process.argv.slice(2);
const states = chosen(names);
let checks = 0;
let failed = 0;

// One line, and one more for each problem.
function report(name, count, problems) {
  checks += count;
  failed += problems.length;
  console.log(`${problems.length ? 'FAILED' : 'ok'}\t${name}`);
  for (const problem of problems) console.log(`\t  ${problem}`);
}

async function visitState(browser, state) {
  // Each problem once, with where it is seen.
  const problems = new Map();
  let count = 0;
  const note = (found, where) => {
    count += 1;
    for (const problem of found) problems.set(problem, [...(problems.get(problem) ?? []), where ?? []].flat());
  };
  const visit = await Visit.start(browser, program, state);
  try {
    const { page } = visit;
    // Opened first and looked at last, so that what moves late is seen, too.
    const fresh = await Promise.all(WIDTHS.map(async (width) => {
      const prepare = (opened) => visit.look({ width, scheme: 'light' }, 'no-preference', opened);
      return { width, opened: await visit.replay(prepare, state) };
    }));
    note(visit.answer.status === state.status ? [] : [`status ${visit.answer.status}, not ${state.status}`]);
    for (const look of LOOKS) {
      await visit.look(look);
      const where = `${look.width} ${look.scheme}`;
      note(await accessibility(page, { coloursAlone: look.scheme === 'dark' }), where);
      note(await noSidewaysScrolling(page), where);
    }
    note(await prints(page));
    note(await nothingInline(page));
    note(await validHtml(visit));
    note(await sameWithoutJavaScript(visit, fresh[0].opened));
    for (const { width, opened } of fresh) note(await noLayoutShift(opened), width);
    note(strictPolicy(visit));
    note(nothingFromElsewhere(visit));
    note(noComplaint(visit));
  } finally {
    await visit.end();
  }
  report(state.name, count, [...problems].map(([problem, where]) => `${where.length ? `${where.join(', ')}: ` : ''}${problem}`));
}

const started = Date.now();
const browser = await launch();
try {
  await inParallel(states, (state) =>
    visitState(browser, state).catch((error) => report(state.name, 1, [`could not be visited: ${error.stack}`])));
  // Alone, because they measure time.
  if (names.length === 0) await checkViews(browser, program, report);
} finally {
  await browser.close();
}
console.log(`\n${states.length} states, ${checks} checks, ${failed} problems, ${Math.round((Date.now() - started) / 1000)} s`);
process.exitCode = failed || states.length === 0 ? 1 : 0;

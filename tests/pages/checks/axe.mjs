// Accessibility by axe-core: every rule that is on by default, its best practices included.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Problems of the page as it looks now.
export async function accessibility(page) {
  // By the debugging protocol, which the page's Content-Security-Policy does not hold up.
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => {
      const snippet = html.replace(/\s+/g, ' ').slice(0, 160);
      const why = failureSummary.replace(/\s+/g, ' ').slice(0, 300);
      return `axe ${id}: ${help}; ${nodes.length} times, such as ${snippet} ${why}`;
    }));
}

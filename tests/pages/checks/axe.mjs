// Accessibility by axe-core: every rule that is on by default, its best practices included.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// The rules that look at colours. The others find the same in light and in dark.
const OF_COLOURS = { runOnly: ['color-contrast', 'link-in-text-block'] };

// Problems of the page as it looks now: by every rule, or by those of colours alone.
export async function accessibility(page, { coloursAlone = false } = {}) {
  // By the debugging protocol, which the page's Content-Security-Policy does not hold up.
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(source);
  const options = { resultTypes: ['violations'], ...(coloursAlone && OF_COLOURS) };
  const { violations } = await page.evaluate((options) => window.axe.run(document, options), options);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => {
      const snippet = html.replace(/\s+/g, ' ').slice(0, 160);
      const why = failureSummary.replace(/\s+/g, ' ').slice(0, 300);
      return `axe ${id}: ${help}; ${nodes.length} times, such as ${snippet} ${why}`;
    }));
}

// Layout: nothing to scroll sideways, nothing that jumps, and a page that prints.

// A4 without its margins, at 96 dots an inch.
const PAPER_WIDTH = 718;

export async function noSidewaysScrolling(page) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    // Of the body, too: what `overflow: hidden` cuts off counts.
    const needed = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
    if (needed <= width) return undefined;
    const widest = [...document.body.querySelectorAll('*')]
      .map((element) => ({ right: element.getBoundingClientRect().right, html: element.outerHTML.slice(0, 160) }))
      .reduce((most, element) => (element.right > most.right ? element : most), { right: 0 });
    return `${needed} pixels wide where there are ${width}; the widest is ${widest.html}`;
  });
  return wide ? [`scrolls sideways: ${wide}`] : [];
}

// Since the page was opened, in the size that it still has.
export async function noLayoutShift(page) {
  const shifts = await page.evaluate(() => new Promise((done) => {
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    const found = [];
    // Without a source nothing that is on the page has moved: something that was there for a moment has gone.
    const note = (entries) => found.push(...entries.filter(({ sources }) => sources.length).map(({ value, sources }) =>
      `${value.toFixed(4)} by ${sources.map(moved).join(', ')}`));
    const at = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ');
    const moved = ({ node, previousRect, currentRect }) => `${node?.nodeName} from ${at(previousRect)} to ${at(currentRect)}`;
    observer.observe({ type: 'layout-shift', buffered: true });
    // What is buffered is handed over in a task of its own.
    setTimeout(() => {
      note(observer.takeRecords());
      observer.disconnect();
      done(found);
    }, 50);
  }));
  return shifts.map((shift) => `the layout shifts: ${shift}`);
}

export async function prints(page) {
  const { width, height } = page.viewport();
  await page.emulateMediaType('print');
  await page.setViewport({ width: PAPER_WIDTH, height });
  const problems = await noSidewaysScrolling(page);
  const { heading, text } = await page.evaluate(() => {
    // The text of what is not shown is the text of what it would show.
    const shown = (element) => (element?.checkVisibility() ? element.innerText.trim() : '');
    return { heading: shown(document.querySelector('main h1')), text: shown(document.querySelector('main')) };
  });
  if (!heading) problems.push('no heading');
  if (text.length <= heading.length) problems.push('nothing but a heading');
  const pdf = await page.pdf({ format: 'a4' });
  if (pdf.length < 1_000) problems.push('an empty document');
  await page.emulateMediaType(undefined);
  await page.setViewport({ width, height });
  return problems.map((problem) => `printed: ${problem}`);
}

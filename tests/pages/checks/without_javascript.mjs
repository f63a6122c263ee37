// A page says the same without JavaScript: a script may put a time another way, and add its own buttons, and no more.

// The texts that can be seen, without those of `time` and of buttons that do nothing without a script.
const visibleText = () => {
  const own = 'time, button[type="button"]';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const words = [];
  while (walker.nextNode()) {
    const { parentElement, data } = walker.currentNode;
    if (data.trim() && parentElement.checkVisibility({ visibilityProperty: true }) && !parentElement.closest(own)) {
      words.push(data.trim().replace(/\s+/g, ' '));
    }
  }
  return words;
};

// `page` is the same answer with JavaScript.
export async function sameWithoutJavaScript(visit, page) {
  const expected = await page.evaluate(visibleText);
  const without = await visit.replay((page) => page.setJavaScriptEnabled(false));
  const actual = await without.evaluate(visibleText);
  const dead = await without.$$eval('button[type="button"]', (all) =>
    all.filter((button) => button.checkVisibility()).map((button) => button.outerHTML));
  await without.close();

  const missing = expected.filter((text) => !actual.includes(text)).map((text) => `says only with JavaScript: ${text}`);
  const extra = actual.filter((text) => !expected.includes(text)).map((text) => `says only without JavaScript: ${text}`);
  return [...missing, ...extra, ...dead.map((html) => `does nothing without JavaScript: ${html}`)];
}

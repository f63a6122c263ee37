// Takes a picture of every state in every look, and makes sheets of them. Usage: node screenshots.mjs PROGRAM FOLDER [NAME …]

import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { launch } from './browser.mjs';
import { chosen, inParallel } from './queue.mjs';
import { LOOKS, Visit } from './visit.mjs';

const [program, destination, ...names] = process.argv.slice(2);
const folder = resolve(destination);
const states = chosen(names);

const lookName = ({ width, scheme }) => `${scheme}-${width}`;
const fileName = (state, look) => `${state.name}-${lookName(look)}.png`;

async function takePictures(browser, state) {
  const visit = await Visit.start(browser, program, state);
  try {
    for (const look of LOOKS) {
      await visit.look(look);
      await visit.page.screenshot({ path: join(folder, fileName(state, look)), fullPage: true });
    }
  } finally {
    await visit.end();
  }
}

// A page with all pictures; and a picture for each look, to be seen at one glance.
async function makeSheets(browser) {
  const figure = (state, look) => `<figure><a href="${fileName(state, look)}"><img src="${fileName(state, look)}" alt=""></a>
<figcaption>${state.name}</figcaption></figure>`;
  const section = (look) => `<h2>${lookName(look)}</h2>
<section id="${lookName(look)}">${states.map((state) => figure(state, look)).join('')}</section>`;
  const index = join(folder, 'index.html');
  await writeFile(index, `<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Screenshots</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1rem; background: #bbb }
section { display: flex; flex-wrap: wrap; gap: 1rem; background: #bbb }
figure { margin: 0; width: 360px } a { display: block; max-height: 500px; overflow: hidden; border: 1px solid #666 }
img { display: block; width: 100% } [id$="-320"] figure { width: 220px }
</style>
${LOOKS.map(section).join('\n')}
</html>
`);
  const page = await browser.newPage();
  await page.setViewport({ width: 1900, height: 1000 });
  await page.goto(pathToFileURL(index).href);
  for (const look of LOOKS) {
    const sheet = await page.$(`#${lookName(look)}`);
    await sheet.screenshot({ path: join(folder, `sheet-${lookName(look)}.png`) });
  }
}

await mkdir(folder, { recursive: true });
const browser = await launch();
let failed = 0;
try {
  await inParallel(states, (state) => takePictures(browser, state).catch((error) => {
    failed += 1;
    console.error(`FAILED\t${state.name}: ${error.stack}`);
  }));
  await makeSheets(browser);
} finally {
  await browser.close();
}
console.log(`${states.length - failed} of ${states.length} states, each in ${LOOKS.length} looks: ${join(folder, 'index.html')}`);
process.exitCode = failed || states.length === 0 ? 1 : 0;

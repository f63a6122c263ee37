// Nothing from elsewhere, nothing inline, nothing that the browser complains about, nothing of a profile executed.

export function nothingFromElsewhere({ requests, app, smartsheet, servers }) {
  const inPieces = servers.map(({ url }) => new URL(url).origin);
  const ours = [app.url, app.address, smartsheet?.url, ...inPieces].filter(Boolean);
  const strangers = requests.filter(({ url, type, navigation, from }) => {
    if (url.startsWith('data:') && navigation) return false;
    // Chromium's own pictures in fields for dates. The policy allows a page none.
    if (url.startsWith('data:image/svg+xml;base64,') && type === 'image') return false;
    const { origin } = new URL(url);
    // A page may lead to the other server, but load nothing from it.
    return !ours.includes(origin) || (!navigation && origin !== new URL(from).origin);
  });
  return strangers.map(({ url, from }) => `a request to ${url} from ${from}`);
}

export function noComplaint({ complaints }) {
  return complaints;
}

export function strictPolicy({ answer }) {
  const policy = answer.headers['content-security-policy'] ?? '';
  const directives = policy.split(';').map((directive) => directive.trim());
  // A form may lead to another site, as the consent page does; nothing else may.
  const loose = directives.filter((directive) =>
    !directive.startsWith('form-action ') && /unsafe-|\*|data:|https?:/.test(directive));
  if (!directives.includes("default-src 'none'")) loose.push(policy);
  return loose.map((directive) => `Content-Security-Policy is not strict: ${directive}`);
}

// The policy blocks what is inline; a page that has some is broken or was injected into.
export async function nothingInline(page) {
  const found = await page.evaluate(() => {
    const inline = [];
    for (const element of document.querySelectorAll('*')) {
      const isCode = element.matches('style, script:not([src]), iframe, object, embed, base, meta[http-equiv], svg script');
      const attributes = [...element.attributes].filter(({ name, value }) =>
        name.startsWith('on') || name === 'style' || name === 'srcdoc' || /^\s*javascript:/i.test(value));
      if (isCode || attributes.length > 0) inline.push(element.outerHTML.slice(0, 160));
    }
    return inline;
  });
  return found.map((html) => `inline: ${html}`);
}

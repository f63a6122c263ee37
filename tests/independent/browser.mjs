// As much of a browser as a sign-in needs: cookies, one step at a time, and forms.

export class Browser {
  #cookies = [];

  // Sends one request. Redirects are not followed: the walk looks at each of them.
  async request(url, { method = 'GET', headers = {}, body } = {}) {
    const { hostname, pathname } = new URL(url);
    const cookie = this.#cookies
      .filter((cookie) => cookie.host === hostname && within(pathname, cookie.path))
      .map((cookie) => `${cookie.name}=${cookie.value}`)
      .join('; ');
    const response = await fetch(url, {
      method,
      body,
      redirect: 'manual',
      headers: { accept: 'text/html', ...(cookie && { cookie }), ...headers },
    });
    for (const line of response.headers.getSetCookie()) this.#keep(hostname, line);
    const location = response.headers.get('location');
    return {
      url,
      status: response.status,
      headers: response.headers,
      location: location && new URL(location, url).href,
      text: await response.text(),
    };
  }

  // Follows redirects until an answer is none, or leads to where `until` says.
  async follow(answer, until = () => false) {
    for (let hops = 0; answer.location && !until(answer.location); hops += 1) {
      if (hops === 10) throw new Error(`too many redirects at ${answer.url}`);
      answer = await this.request(answer.location);
    }
    return answer;
  }

  // Submits the only form of a page, with its hidden fields and `fields`.
  submit(page, fields = {}) {
    const action = /<form[^>]* action="([^"]*)"/.exec(page.text)?.[1];
    if (!action) throw new Error(`no form at ${page.url}: ${page.status} ${page.text.slice(0, 200)}`);
    const body = new URLSearchParams();
    for (const [, name, value] of page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) {
      body.set(name, value);
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return this.request(new URL(action, page.url).href, { method: 'POST', body });
  }

  cookies(host) {
    return this.#cookies.filter((cookie) => cookie.host === host);
  }

  // A second browser with the same cookies, as a stolen or a remembered one.
  copy() {
    const copy = new Browser();
    copy.#cookies = [...this.#cookies];
    return copy;
  }

  #keep(host, line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim());
    const [name, value] = split(pair);
    const attribute = (wanted) => attributes.map(split).find(([name]) => name.toLowerCase() === wanted)?.[1];
    const path = attribute('path') ?? '/';
    this.#cookies = this.#cookies.filter((cookie) => cookie.host !== host || cookie.name !== name || cookie.path !== path);
    const maxAge = attribute('max-age');
    const expires = attribute('expires');
    const gone = maxAge === undefined ? expires && Date.parse(expires) <= Date.now() : Number(maxAge) <= 0;
    if (!gone) this.#cookies.push({ host, name, value, path, line });
  }
}

function split(pair) {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

// RFC 6265 section 5.1.4.
function within(pathname, path) {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

// One page that arrives in pieces, from a server of its own; what the page asks for comes from the server that made it.

import { once } from 'node:events';
import { createServer } from 'node:http';

// Where a browser may stop reading and paint: behind an element.
const ENDS = /(?<=<\/(?:a|header|h1|h2|p|li|dd|tr|summary|details|form|div|section)>)/;

// Serves what `url` was answered with: the first piece to whoever asks, each other one when `sendPiece` is called; that is
// false once there is none left.
export async function serveInPieces(url, { status, headers, body }) {
  const pieces = body.split(ENDS);
  let answer;
  const server = createServer(async (request, response) => {
    if (request.headers['sec-fetch-dest'] === 'document') {
      answer = response.writeHead(status, headers);
      answer.write(pieces.shift());
      return;
    }
    const part = await fetch(new URL(request.url, url));
    response.writeHead(part.status, { 'content-type': part.headers.get('content-type') });
    response.end(Buffer.from(await part.arrayBuffer()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const here = new URL(url);
  here.port = server.address().port;
  return {
    url: here.href,
    sendPiece() {
      if (pieces.length) answer.write(pieces.shift());
      else answer.end();
      return !answer.writableEnded;
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// What ends TLS in front of the app: as little of a reverse proxy as that takes.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';

// Forwards to `appPort` of this machine, and says at which port it listens itself.
export async function startProxy({ folder, appPort }) {
  const server = createServer({
    key: readFileSync(`${folder}/server.key`),
    cert: readFileSync(`${folder}/server.pem`),
  });
  server.on('request', (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ host: '127.0.0.1', port: appPort, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', (error) => outgoing.destroy(error));
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    stop: () => { server.close(); server.closeAllConnections(); },
  };
}

import { createServer } from 'node:net';

// The least a server can do: one chunk in, one answer out. It shows how fast the generator can go.
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(ANSWER)).on('error', () => socket.destroy());
}).listen(Number(process.env['PORT']), '127.0.0.1');

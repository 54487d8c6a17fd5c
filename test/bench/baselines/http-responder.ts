import { createServer } from 'node:http';

// What Node itself costs, without a framework.
createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 2 });
  response.end('{}');
}).listen(Number(process.env['PORT']), '127.0.0.1');

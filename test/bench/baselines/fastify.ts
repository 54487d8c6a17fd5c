import { fastify } from 'fastify';

// As it comes.
const app = fastify();
app.post('/refresh_token', async () => ({}));
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });

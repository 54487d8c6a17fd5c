import express from 'express';

// As it comes: the denominator of the targets.
const app = express();
app.post('/refresh_token', (_request, response) => {
  response.json({});
});
app.listen(Number(process.env['PORT']), '127.0.0.1');

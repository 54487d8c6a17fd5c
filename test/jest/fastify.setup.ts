process.env['TEST_HTTP_ADAPTER'] = 'fastify';
process.env['TEST_DATABASES'] = 'SQLite';

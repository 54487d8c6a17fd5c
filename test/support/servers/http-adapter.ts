import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** What the tests' services and hosts serve HTTP with; each of jest's projects sets its own. */
export const HTTP_ADAPTER = process.env['TEST_HTTP_ADAPTER'] ?? 'express';

export const IS_FASTIFY = HTTP_ADAPTER === 'fastify';

/** A host's adapter, as it comes; but its answers have no header of which the contract knows nothing. */
export function hostAdapter({ trustProxy = false }: { trustProxy?: boolean } = {}): AbstractHttpAdapter {
  if (IS_FASTIFY) return new FastifyAdapter({ trustProxy });
  const express = new ExpressAdapter();
  express.set('trust proxy', trustProxy);
  express.disable('x-powered-by');
  express.disable('etag');
  return express;
}

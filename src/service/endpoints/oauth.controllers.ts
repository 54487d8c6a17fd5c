import { UseGuards, type Type } from '@nestjs/common';
import { controllerAt } from '../../auth/module/auth.module-definition.js';
import { METADATA_PATH } from '../../auth/formats/issuer-url.js';
import { OAuthController, OAuthMetadataController } from '../../index.js';
import type { ServiceConfig } from '../service.config.js';
import { LiteralPathGuard } from './literal-path.guard.js';

/** The controllers of the OAuth endpoints, and of the metadata where the issuer is a URL (RFC 8414 §3). */
export function oauthControllers({ oauth }: Pick<ServiceConfig, 'oauth'>): Type[] {
  if (!oauth) return [];
  const { path, metadataPath } = oauth;
  const endpoints = controllerAt(path, OAuthController);
  return metadataPath === undefined ? [endpoints] : [endpoints, metadataController(metadataPath)];
}

/**
 * The issuer's path may have characters that a router takes for a pattern, others in Express than in Fastify. So the
 * route has a wildcard in its place, and a guard compares the path.
 */
function metadataController(path: string): Type {
  if (path === METADATA_PATH) return OAuthMetadataController;
  const controller = controllerAt(`${METADATA_PATH}/*issuer`, OAuthMetadataController);
  UseGuards(new LiteralPathGuard(`/${path}`))(controller);
  return controller;
}

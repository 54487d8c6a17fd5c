import { UseGuards, type Type } from '@nestjs/common';
import { controllerAt } from '../../auth/module/auth.module-definition.js';
import { METADATA_PATH } from '../../auth/formats/issuer-url.js';
import { OAuthController, OAuthMetadataController } from '../../index.js';
import type { ServiceConfig } from '../service.config.js';
import { LiteralPathGuard } from './literal-path.guard.js';

/** The OAuth endpoints below their prefix, and the metadata where the issuer is a URL. */
export function oauthControllers({ oauth }: Pick<ServiceConfig, 'oauth'>): Type[] {
  if (!oauth) return [];
  const { path, metadataPath } = oauth;
  const endpoints = controllerAt(path, OAuthController);
  return metadataPath === undefined ? [endpoints] : [endpoints, metadataController(metadataPath)];
}

/** The path of an issuer may hold what a router takes for a pattern, each another one: no router is told of it. */
function metadataController(path: string): Type {
  if (path === METADATA_PATH) return OAuthMetadataController;
  const controller = controllerAt(`${METADATA_PATH}/*issuer`, OAuthMetadataController);
  UseGuards(new LiteralPathGuard(`/${path}`))(controller);
  return controller;
}

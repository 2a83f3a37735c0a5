import { resolve } from 'node:path'
import {
  AUTH_TYPES,
  INTERFACES,
  type IdentitySettings,
  type KeystoneSettings,
  type LimitSettings,
} from '../identity-settings.ts'
import { boolean, integer, list, oneOf, text, url } from '../option-values.ts'
import type { Option } from './option.ts'

/** How tokens are validated. */
export const KEYSTONE_OPTIONS: readonly Option<KeystoneSettings>[] = [
  {
    section: 'keystone_authtoken',
    name: 'www_authenticate_uri',
    also: ['auth_uri'],
    type: 'URL',
    default: null,
    doc: 'Where callers without a valid token are sent. Without it that is auth_url.',
    set: value => ({ wwwAuthenticateUri: url(value) }),
  },
  ...identity('keystone_authtoken'),
  {
    section: 'keystone_authtoken',
    name: 'token_cache_time',
    type: 'whole number',
    default: '300',
    unit: 'seconds',
    doc: 'How long an answer about a token is remembered; -1 is not at all.',
    set: value => ({ tokenCacheTime: integer(value, -1, 2 ** 31) }),
  },
  {
    section: 'keystone_authtoken',
    name: 'service_token_roles',
    type: 'list',
    default: 'service',
    doc: 'With one of these roles a service may bring a token of its user that has expired.',
    set: value => ({ serviceTokenRoles: list(value) }),
  },
  {
    section: 'keystone_authtoken',
    name: 'service_token_roles_required',
    type: 'boolean',
    default: 'false',
    doc: 'Whether others may not call themselves a service.',
    set: value => ({ serviceTokenRolesRequired: boolean(value) }),
  },
  {
    section: 'keystone_authtoken',
    name: 'http_connect_timeout',
    type: 'whole number',
    default: '30',
    unit: 'seconds',
    doc: 'How long Keystone may take.',
    set: value => ({ timeout: integer(value, 1, 3600) }),
  },
]

/** How limits of projects are looked up. */
export const LIMIT_OPTIONS: readonly Option<LimitSettings>[] = [
  {
    section: 'oslo_limit',
    name: 'endpoint_id',
    type: 'text',
    default: null,
    doc: "That of this service in Keystone's catalog, which use_keystone_limits needs.",
    set: value => ({ endpointId: text(value) }),
  },
  ...identity('oslo_limit'),
  {
    section: 'oslo_limit',
    name: 'timeout',
    type: 'whole number',
    default: '30',
    unit: 'seconds',
    doc: 'How long Keystone may take.',
    set: value => ({ timeout: integer(value, 1, 3600) }),
  },
]

/** What is the same of both: how a Keystone is asked in the name of a service. */
function identity(section: string): readonly Option<IdentitySettings>[] {
  const words = (
    name: string,
    key: keyof IdentitySettings,
    doc: string,
    more: Partial<Option<IdentitySettings>> = {},
  ): Option<IdentitySettings> => ({
    section,
    name,
    type: 'text',
    default: null,
    doc,
    set: value => ({ [key]: text(value) }),
    ...more,
    // keystoneauth writes them so.
    also: [name.replaceAll('_', '-'), ...(more.also ?? [])].filter(other => other !== name),
  })
  const file = { type: 'file' } as const
  return [
    words('auth_url', 'authUrl', 'Where Keystone is.', {
      type: 'URL',
      set: value => ({ authUrl: url(value) }),
    }),
    words('auth_type', 'authType', 'By what a token of our own is got.', {
      also: ['auth_plugin'],
      choices: AUTH_TYPES,
      default: 'password',
      set: value => ({ authType: oneOf(value, AUTH_TYPES) }),
    }),
    words('username', 'username', 'The name of our user.', { also: ['user-name', 'user_name'] }),
    words('user_id', 'userId', 'Its id, in the place of name and domain.'),
    words('user_domain_id', 'userDomainId', 'Its domain.'),
    words('user_domain_name', 'userDomainName', 'That by name.'),
    words('password', 'password', 'Its password.', { isSecret: true }),
    words('project_id', 'projectId', 'Its project.', { also: ['tenant_id', 'tenant-id'] }),
    words('project_name', 'projectName', 'That by name.', { also: ['tenant_name', 'tenant-name'] }),
    words('project_domain_id', 'projectDomainId', 'The domain of the project.'),
    words('project_domain_name', 'projectDomainName', 'That by name.'),
    words('domain_id', 'domainId', 'A domain in the place of a project.'),
    words('domain_name', 'domainName', 'That by name.'),
    words('system_scope', 'systemScope', 'The whole system in the place of a project.', {
      choices: ['all'],
      set: value => ({ systemScope: oneOf(value, ['all']) }),
    }),
    words(
      'application_credential_id',
      'applicationCredentialId',
      'For auth_type v3applicationcredential.',
    ),
    words(
      'application_credential_name',
      'applicationCredentialName',
      'That by the name that its user, who has to be set, has given it.',
    ),
    words('application_credential_secret', 'applicationCredentialSecret', 'Its secret.', {
      isSecret: true,
    }),
    words(
      'interface',
      'interface',
      'Which endpoint of the catalog Keystone is asked at, with or without URL behind it.',
      {
        choices: INTERFACES,
        default: 'internal',
        set: value => ({ interface: oneOf(value.replace(/URL$/, ''), INTERFACES) }),
      },
    ),
    words('region_name', 'regionName', "That endpoint's region. Without it any."),
    words(
      'cafile',
      'cafile',
      'The authorities to trust, in PEM form. Without it those of the system are.',
      {
        ...file,
        set: value => ({ cafile: resolve(text(value)) }),
      },
    ),
    words('certfile', 'certfile', 'A certificate of our own, in PEM form.', {
      ...file,
      set: value => ({ certfile: resolve(text(value)) }),
    }),
    words('keyfile', 'keyfile', 'Its key, in PEM form.', {
      ...file,
      set: value => ({ keyfile: resolve(text(value)) }),
    }),
    words(
      'insecure',
      'insecure',
      'Whether any certificate is believed, so that anybody may pass for Keystone.',
      {
        type: 'boolean',
        default: 'false',
        set: value => ({ insecure: boolean(value) }),
      },
    ),
  ]
}

import { resolve } from 'node:path'
import type { ServerConfig } from '../config.ts'
import { boolean, integer, oneOf, text } from '../option-values.ts'
import { PROPERTY_RULE_FORMATS } from '../policy/property-protection.ts'
import { POLICY_CONTENT_TYPES } from '../policy/remote-settings.ts'
import type { Option } from './option.ts'

/** Who may do what. Relative paths are from the folder of the configuration. */
export const POLICY_OPTIONS: readonly Option<ServerConfig>[] = [
  {
    section: 'DEFAULT',
    name: 'enforce_secure_rbac',
    type: 'boolean',
    default: 'false',
    doc: 'The same as enforce_new_defaults of oslo_policy, which comes first.',
    // In Zed the two have to be the same.
    set: value => ({ enforceNewDefaults: boolean(value) }),
  },
  {
    section: 'oslo_policy',
    name: 'enforce_new_defaults',
    type: 'boolean',
    default: 'false',
    doc: "Whether the rules of before Wallaby, by which most is anybody's to try, stop counting.",
    set: value => ({ enforceNewDefaults: boolean(value) }),
  },
  {
    section: 'oslo_policy',
    name: 'enforce_scope',
    type: 'boolean',
    default: 'false',
    doc: 'Whether a token for a domain or the whole system may do nothing.',
    set: value => ({ enforceScope: boolean(value) }),
  },
  {
    section: 'oslo_policy',
    name: 'policy_file',
    also: ['DEFAULT.policy_file'],
    type: 'file',
    default: null,
    doc: 'Rules in the place of the built-in ones, from the directory of the configuration. Without it there are none; Glance looks for policy.yaml.',
    set: (value, folder) => ({ policyFile: resolve(folder, text(value)) }),
  },
  {
    section: 'oslo_policy',
    name: 'policy_dirs',
    also: ['DEFAULT.policy_dirs'],
    type: 'folder',
    isMultiple: true,
    default: null,
    doc: 'Folders of such files, each over those before it and all over policy_file. Without it there are none; Glance looks for policy.d.',
    set: (value, folder, { policyDirs = [] }) => ({
      policyDirs: [...policyDirs, resolve(folder, text(value))],
    }),
  },
  {
    section: 'oslo_policy',
    name: 'policy_default_rule',
    also: ['DEFAULT.policy_default_rule'],
    type: 'text',
    default: null,
    doc: 'The rule in the place of one that is named and that there is not. Without it that is an error; with Glance it is default.',
    set: value => ({ policyDefaultRule: text(value) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_content_type',
    type: 'text',
    choices: POLICY_CONTENT_TYPES,
    default: 'application/x-www-form-urlencoded',
    doc: 'How a server is asked that a rule names.',
    set: value => ({ policyRemoteContentType: oneOf(value, POLICY_CONTENT_TYPES) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_timeout',
    type: 'whole number',
    default: '5',
    unit: 'seconds',
    doc: 'How long it may take.',
    set: value => ({ policyRemoteTimeout: integer(value, 1, 3600) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_ssl_verify_server_crt',
    type: 'boolean',
    default: 'true',
    doc: 'Whether its certificate has to be good. Glance does not check it unless this is set.',
    set: value => ({ policyRemoteVerify: boolean(value) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_ssl_ca_crt_file',
    type: 'file',
    default: null,
    doc: 'The authorities to trust, in PEM form. Without it those of the system are.',
    set: (value, folder) => ({ policyRemoteCaFile: resolve(folder, text(value)) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_ssl_client_crt_file',
    type: 'file',
    default: null,
    doc: 'A certificate of our own, in PEM form.',
    set: (value, folder) => ({ policyRemoteCertFile: resolve(folder, text(value)) }),
  },
  {
    section: 'oslo_policy',
    name: 'remote_ssl_client_key_file',
    type: 'file',
    default: null,
    doc: 'Its key, in PEM form.',
    set: (value, folder) => ({ policyRemoteKeyFile: resolve(folder, text(value)) }),
  },
  {
    section: 'DEFAULT',
    name: 'property_protection_file',
    type: 'file',
    default: null,
    doc: 'Who may do what with which custom properties, from the directory of the configuration. Without it anybody may do anything.',
    set: (value, folder) => ({ propertyProtectionFile: resolve(folder, text(value)) }),
  },
  {
    section: 'DEFAULT',
    name: 'property_protection_rule_format',
    type: 'text',
    choices: PROPERTY_RULE_FORMATS,
    default: 'roles',
    doc: 'Whether that file names roles, or rules of the policy.',
    set: value => ({ propertyProtectionRuleFormat: oneOf(value, PROPERTY_RULE_FORMATS) }),
  },
]

import { GlanceError, messageOf } from '../../errors.ts'
import { parseOsloConfig, type Setting, wrong } from '../oslo-config.ts'
import type { Answer, Credentials, RuleTable } from './check.ts'

const PROPERTY_OPERATIONS = ['create', 'read', 'update', 'delete'] as const
export type PropertyOperation = (typeof PROPERTY_OPERATIONS)[number]

/** `roles`: each operation names the roles that may; `policies`: each names one rule of the policy file. */
export const PROPERTY_RULE_FORMATS = ['roles', 'policies'] as const
export type PropertyRuleFormat = (typeof PROPERTY_RULE_FORMATS)[number]

/** What an operation on some properties takes. */
type Permission =
  | { readonly type: 'everybody' }
  | { readonly type: 'roles'; readonly roles: readonly string[] }
  | { readonly type: 'policy'; readonly name: string }

interface PropertyRule {
  readonly pattern: RegExp
  readonly permissions: ReadonlyMap<PropertyOperation, Permission>
  readonly place: string
}

/** With these Glance keeps its own books; everybody may read them, and nobody gets as far as writing them. */
const OWN_PROPERTIES: PropertyRule = {
  pattern: /^os_glance.*/,
  permissions: new Map(PROPERTY_OPERATIONS.map(operation => [operation, { type: 'everybody' }])),
  place: '',
}

/** Who may do what with which custom properties (glance/common/property_utils.py). */
export class PropertyRules {
  readonly #rules: readonly PropertyRule[]

  constructor(rules: readonly PropertyRule[]) {
    this.#rules = [OWN_PROPERTIES, ...rules]
  }

  /** By the first rule whose pattern is found in the name; with a property that none is found in nobody may do anything. */
  allows(
    credentials: Credentials,
    operation: PropertyOperation,
    name: string,
    byPolicy: (rule: string) => Answer,
  ): Answer {
    const rule = this.#rules.find(({ pattern }) => pattern.test(name))
    const permission = rule?.permissions.get(operation)
    switch (permission?.type) {
      case undefined:
        return false
      case 'everybody':
        return true
      case 'roles': {
        const roles = [...credentials.roles, ...credentials.serviceRoles]
        return permission.roles.some(role => roles.includes(role))
      }
      case 'policy':
        return byPolicy(permission.name)
    }
  }

  /** The policy rules that are named. */
  policyNames(): readonly string[] {
    const permissions = this.#rules.flatMap(rule => [...rule.permissions.values()])
    return permissions.flatMap(permission =>
      permission.type === 'policy' ? [permission.name] : [],
    )
  }

  /** @throws {GlanceError} `usage` when a policy is named that is not among `policyRules`. */
  requireRules(policyRules: RuleTable): void {
    for (const { permissions, place } of this.#rules) {
      for (const permission of permissions.values()) {
        if (permission.type !== 'policy' || policyRules.has(permission.name)) continue
        throw new GlanceError('usage', `${place}: there is no policy rule '${permission.name}'`)
      }
    }
  }
}

/**
 * Reads a property protection file: sections that are regular expressions, each with `create`, `read`, `update` and
 * `delete`. `@` is everybody, `!` or nothing is nobody. @throws {GlanceError} `usage`, naming the line.
 */
export function parsePropertyRules(
  text: string,
  path: string,
  format: PropertyRuleFormat,
): PropertyRules {
  const sections = new Map<string, Setting[]>()
  for (const setting of parseOsloConfig(text, path)) {
    sections.set(setting.section, [...(sections.get(setting.section) ?? []), setting])
  }
  const rules = [...sections].map(([section, settings]) => ruleIn(section, settings, path, format))
  return new PropertyRules(rules)
}

function ruleIn(
  section: string,
  settings: readonly Setting[],
  path: string,
  format: PropertyRuleFormat,
): PropertyRule {
  const place = `${path}, [${section}]`
  const permissions = PROPERTY_OPERATIONS.map(operation => {
    const setting = settings.findLast(({ option }) => option.toLowerCase() === operation)
    if (setting === undefined) {
      throw new GlanceError('usage', `${place}: '${operation}' is missing`)
    }
    return [operation, permissionIn(setting, format)] as const
  })
  return { pattern: patternOf(section, place), permissions: new Map(permissions), place }
}

function permissionIn(setting: Setting, format: PropertyRuleFormat): Permission {
  const { value, file, line } = setting
  const names = value.split(',').map(name => name.trim())
  if (format === 'policies' && names.length > 1) {
    throw wrong(file, line, `'${value}' has to be one rule: combine them in the policy file`)
  }
  if (names.includes('@') && names.includes('!')) {
    throw wrong(file, line, "'@' and '!' exclude each other")
  }
  if (names.includes('!') || value === '') return { type: 'roles', roles: [] }
  if (names.includes('@')) return { type: 'everybody' }
  if (format === 'policies') return { type: 'policy', name: value }
  return { type: 'roles', roles: names.map(name => name.toLowerCase()) }
}

/** Strict, so that what only Python knows is refused rather than taken for something else. */
function patternOf(section: string, place: string): RegExp {
  try {
    return new RegExp(section, 'u')
  } catch (error) {
    throw new GlanceError('usage', `${place}: ${messageOf(error)}`, { cause: error })
  }
}

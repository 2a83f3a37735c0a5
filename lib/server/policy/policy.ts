import { GlanceError } from '../../errors.ts'
import { type Check, type Credentials, passes, type RuleTable, type Target } from './check.ts'
import { type Action, DEFAULT_RULES } from './defaults.ts'
import { parseCheck } from './parse-check.ts'
import type { PropertyOperation, PropertyRules } from './property-protection.ts'

export interface PolicyOptions {
  /** Whether the defaults of before stop letting people through. Default false, as in Glance up to Zed. */
  readonly enforceNewDefaults?: boolean
  /** Whether a token that is not for a project may do nothing. Default false. */
  readonly enforceScope?: boolean
  /** The role that makes an administrator where no file says what does. Default `admin`. */
  readonly adminRole?: string
  /** Null: anybody may do anything with the properties of images. */
  readonly propertyRules?: PropertyRules | null
}

/** Who may do what. Immutable: a request is judged by the same rules from beginning to end. */
export class Policy {
  /** Whether the rules alone decide who may do something with a member, rather than who owns the image as well. */
  readonly enforcesNewDefaults: boolean
  readonly #rules: RuleTable
  readonly #enforceScope: boolean
  readonly #propertyRules: PropertyRules | null

  /** @throws {GlanceError} `usage` for a rule that names one that there is not, or itself. */
  constructor(
    overrides: RuleTable,
    {
      enforceNewDefaults = false,
      enforceScope = false,
      adminRole = 'admin',
      propertyRules = null,
    }: PolicyOptions = {},
  ) {
    this.enforcesNewDefaults = enforceNewDefaults
    const isAdmin: Check = { type: 'role', role: [adminRole.toLowerCase()] }
    this.#rules = new Map([
      ...defaultsBeside(overrides, enforceNewDefaults),
      ['context_is_admin', isAdmin],
      ...overrides,
    ])
    this.#enforceScope = enforceScope
    this.#propertyRules = propertyRules
    for (const [name, check] of this.#rules) requireEnd(this.#rules, check, [name])
    propertyRules?.requireRules(this.#rules)
  }

  allows(credentials: Credentials, action: Action, target: Target = {}): boolean {
    const isForProject = credentials.systemScope === null && credentials.domain === null
    if (this.#enforceScope && !isForProject) return false
    return passes({ type: 'rule', name: action }, this.#rules, credentials, target)
  }

  /** By the rule `context_is_admin`. */
  isAdmin(credentials: Credentials): boolean {
    // As Glance: the target is the caller.
    const { user, project } = credentials
    const target = { user_id: user, project_id: project }
    return passes({ type: 'rule', name: 'context_is_admin' }, this.#rules, credentials, target)
  }

  allowsProperty(credentials: Credentials, operation: PropertyOperation, name: string): boolean {
    return this.#propertyRules?.allows(credentials, operation, name, this.#rules) ?? true
  }
}

/** The defaults that are in force: those of before count only where a file does not say otherwise. */
function defaultsBeside(overrides: RuleTable, enforceNewDefaults: boolean): [string, Check][] {
  return [...DEFAULT_RULES]
    .filter(([name]) => !overrides.has(name))
    .map(([name, { check, before }]) => {
      const parsed = parseCheck(check)
      if (before === undefined || enforceNewDefaults) return [name, parsed]
      return [name, { type: 'or', checks: [parsed, parseCheck(before)] }]
    })
}

/** @throws {GlanceError} `usage` unless what the check refers to is there and leads to an end. */
function requireEnd(rules: RuleTable, check: Check, path: readonly string[]): void {
  switch (check.type) {
    case 'rule': {
      const { name } = check
      const chain = [...path, name].map(rule => `'${rule}'`).join(' refers to ')
      if (path.includes(name)) throw new GlanceError('usage', `policy rule ${chain}`)
      const rule = rules.get(name)
      if (rule === undefined) {
        throw new GlanceError('usage', `policy rule ${chain}, which there is not`)
      }
      requireEnd(rules, rule, [...path, name])
      break
    }
    case 'not':
      requireEnd(rules, check.check, path)
      break
    case 'and':
    case 'or':
      for (const part of check.checks) requireEnd(rules, part, path)
      break
    case 'always':
    case 'never':
    case 'role':
    case 'attribute':
    case 'constant':
  }
}

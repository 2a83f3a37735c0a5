import { GlanceError } from '../../errors.ts'
import {
  type Answer,
  type Ask,
  type Check,
  type Credentials,
  passes,
  type RuleTable,
  type Target,
} from './check.ts'
import { type Action, DEFAULT_RULES } from './defaults.ts'
import { parseCheck } from './parse-check.ts'
import type { PropertyOperation, PropertyRules } from './property-protection.ts'

export interface PolicyOptions {
  /** Whether the defaults of before stop letting people through. Default false, as in Glance up to Zed. */
  readonly enforceNewDefaults?: boolean
  /** The rule in the place of any that is named and that there is not; null: that is an error. */
  readonly defaultRule?: string | null
  /** Whether a token that is not for a project may do nothing. Default false. */
  readonly enforceScope?: boolean
  /** The role that makes an administrator where no file says what does. Default `admin`. */
  readonly adminRole?: string
  /** Asks the servers that rules name; by default that is a no. */
  readonly ask?: Ask
  /** Null: anybody may do anything with the properties of images. */
  readonly propertyRules?: PropertyRules | null
}

/** Who may do what. Immutable: a request is judged by the same rules from beginning to end. */
export class Policy {
  /** Whether there are custom properties that not everybody may read or change. */
  readonly protectsProperties: boolean
  /** Whether the rules alone decide who may do something with a member, rather than who owns the image as well. */
  readonly enforcesNewDefaults: boolean
  readonly #rules: RuleTable
  /** Those that let everybody through. */
  readonly #open: ReadonlySet<string>
  readonly #enforceScope: boolean
  readonly #propertyRules: PropertyRules | null
  readonly #ask: Ask

  /** @throws {GlanceError} `usage` for a rule that names one that there is not, or itself. */
  constructor(
    overrides: RuleTable,
    {
      enforceNewDefaults = false,
      enforceScope = false,
      defaultRule = null,
      adminRole = 'admin',
      propertyRules = null,
      ask = async () => false,
    }: PolicyOptions = {},
  ) {
    this.enforcesNewDefaults = enforceNewDefaults
    const isAdmin: Check = { type: 'role', role: [adminRole.toLowerCase()] }
    const rules = new Map([
      ...defaultsBeside(overrides, enforceNewDefaults),
      ['context_is_admin', isAdmin] as const,
      ...overrides,
    ])
    this.#rules = defaultRule === null ? rules : filledUp(rules, defaultRule, propertyRules)
    this.#enforceScope = enforceScope
    this.#propertyRules = propertyRules
    this.protectsProperties = propertyRules !== null
    this.#ask = ask
    for (const [name, check] of this.#rules) requireEnd(this.#rules, check, [name])
    propertyRules?.requireRules(this.#rules)
    const open = [...this.#rules].filter(([, check]) => isOpen(check, this.#rules))
    this.#open = new Set(open.map(([name]) => name))
  }

  /** A `target` that takes making is made only when it counts. */
  allows(credentials: Credentials, action: Action, target: Target | (() => Target) = {}): Answer {
    const isForProject = credentials.systemScope === null && credentials.domain === null
    if (this.#enforceScope && !isForProject) return false
    if (this.#open.has(action)) return true
    return this.#passes(action, credentials, typeof target === 'function' ? target() : target)
  }

  /** By the rule `context_is_admin`. */
  isAdmin(credentials: Credentials): Answer {
    // As Glance: the target is the caller.
    const { user, project } = credentials
    const target = { user_id: user, project_id: project }
    return this.#passes('context_is_admin', credentials, target)
  }

  allowsProperty(credentials: Credentials, operation: PropertyOperation, name: string): Answer {
    if (this.#propertyRules === null) return true
    const byPolicy = (rule: string) => this.#passes(rule, credentials, {})
    return this.#propertyRules.allows(credentials, operation, name, byPolicy)
  }

  #passes(rule: string, credentials: Credentials, target: Target): Answer {
    const decision = { rule, ask: this.#ask }
    return passes({ type: 'rule', name: rule }, this.#rules, credentials, target, decision)
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

/** The rules, and the default one under each name that is only referred to. @throws {GlanceError} `usage`. */
function filledUp(
  rules: RuleTable,
  defaultRule: string,
  propertyRules: PropertyRules | null,
): RuleTable {
  if (!rules.has(defaultRule)) {
    const message = `policy_default_rule: there is no policy rule '${defaultRule}'`
    throw new GlanceError('usage', message)
  }
  const named = [...[...rules.values()].flatMap(namesIn), ...(propertyRules?.policyNames() ?? [])]
  const missing = named.filter(name => !rules.has(name))
  const check = { type: 'rule', name: defaultRule } as const
  return new Map([...rules, ...missing.map(name => [name, check] as const)])
}

/** The rules that a check refers to. */
function namesIn(check: Check): readonly string[] {
  switch (check.type) {
    case 'rule':
      return [check.name]
    case 'not':
      return namesIn(check.check)
    case 'and':
    case 'or':
      return check.checks.flatMap(namesIn)
    case 'always':
    case 'never':
    case 'role':
    case 'attribute':
    case 'remote':
    case 'constant':
      return []
  }
}

/** @throws {GlanceError} `usage` unless what the check refers to is there and leads to an end. */
function requireEnd(rules: RuleTable, check: Check, path: readonly string[]): void {
  for (const name of namesIn(check)) {
    const chain = [...path, name].map(rule => `'${rule}'`).join(' refers to ')
    if (path.includes(name)) throw new GlanceError('usage', `policy rule ${chain}`)
    const rule = rules.get(name)
    if (rule === undefined) {
      throw new GlanceError('usage', `policy rule ${chain}, which there is not`)
    }
    requireEnd(rules, rule, [...path, name])
  }
}

/** Whether a check lets everybody through, whatever it is to be done with. */
function isOpen(check: Check, rules: RuleTable): boolean {
  switch (check.type) {
    case 'always':
      return true
    case 'rule': {
      const rule = rules.get(check.name)
      return rule !== undefined && isOpen(rule, rules)
    }
    case 'and':
      return check.checks.every(part => isOpen(part, rules))
    case 'or':
      return check.checks.some(part => isOpen(part, rules))
    case 'not':
    case 'never':
    case 'role':
    case 'attribute':
    case 'remote':
    case 'constant':
      return false
  }
}

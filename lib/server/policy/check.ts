import { unreachable } from '../../errors.ts'

/** Text with `%(key)s` in it, in pieces. */
export type Template = readonly (string | { readonly key: string })[]

/** A rule of oslo.policy, taken apart. */
export type Check =
  | { readonly type: 'always' }
  | { readonly type: 'never' }
  | { readonly type: 'not'; readonly check: Check }
  | { readonly type: 'and' | 'or'; readonly checks: readonly Check[] }
  /** Whatever the rule of that name says. */
  | { readonly type: 'rule'; readonly name: string }
  | { readonly type: 'role'; readonly role: Template }
  /** Whether an attribute of the caller, or a value in it when it is a list, is the text. */
  | { readonly type: 'attribute'; readonly name: string; readonly text: Template }
  /** Whether a server that is sent the question answers `True`. */
  | { readonly type: 'remote'; readonly url: Template }
  /** Whether a constant is the text. */
  | { readonly type: 'constant'; readonly value: string; readonly text: Template }

/** Who asks, as far as rules can tell. */
export interface Credentials {
  readonly user: string | null
  readonly project: string | null
  /** Lower case. */
  readonly roles: readonly string[]
  /** Lower case: of the service that asks for the user. */
  readonly serviceRoles: readonly string[]
  readonly userDomain: string | null
  readonly projectDomain: string | null
  /** Of a token for a domain rather than a project. */
  readonly domain: string | null
  /** `all` for a token for the whole system. */
  readonly systemScope: string | null
}

/** What is to be done something with: the keys that rules may name. */
export type Target = Readonly<Record<string, string | number | boolean | null>>

/** The rules by their names. */
export type RuleTable = ReadonlyMap<string, Check>

/** Whether somebody may; to be waited for only where a server has to be asked. */
export type Answer = boolean | Promise<boolean>

/** What a server is asked that decides. */
export interface RemoteQuestion {
  readonly url: string
  /** The name of the rule that is to be decided. */
  readonly rule: string
  readonly target: Target
  /** By the names that oslo.context gives them. */
  readonly credentials: Readonly<Record<string, unknown>>
}

/** Asks a server. Whatever goes wrong is a no, and never an error. */
export type Ask = (question: RemoteQuestion) => Promise<boolean>

/** What is to be decided, and who asks servers for it. */
export interface Decision {
  readonly rule: string
  readonly ask: Ask
}

/** Whether the check lets somebody through. A key that the target has not, or a rule that there is not, lets nobody. */
export function passes(
  check: Check,
  rules: RuleTable,
  credentials: Credentials,
  target: Target,
  decision: Decision,
): Answer {
  const holds = (part: Check) => passes(part, rules, credentials, target, decision)
  switch (check.type) {
    case 'always':
      return true
    case 'never':
      return false
    case 'not':
      return then(holds(check.check), yes => !yes)
    case 'and':
      return firstThat(check.checks, holds, false)
    case 'or':
      return firstThat(check.checks, holds, true)
    case 'rule': {
      const rule = rules.get(check.name)
      return rule !== undefined && holds(rule)
    }
    case 'role': {
      const role = fill(check.role, target)
      return role !== undefined && credentials.roles.includes(role.toLowerCase())
    }
    case 'attribute': {
      const text = fill(check.text, target)
      const value = attributes(credentials).get(check.name)
      if (text === undefined || value === undefined) return false
      return typeof value === 'object' && value !== null
        ? value.includes(text)
        : spell(value) === text
    }
    case 'remote': {
      const url = fill(check.url, target, inUrl)
      if (url === undefined) return false
      const { rule, ask } = decision
      return ask({ url, rule, target, credentials: Object.fromEntries(attributes(credentials)) })
    }
    case 'constant':
      return fill(check.text, target) === check.value
    default:
      return unreachable(check)
  }
}

/** `wanted` when one of the checks is that; none is looked at after it. */
function firstThat(
  checks: readonly Check[],
  holds: (check: Check) => Answer,
  wanted: boolean,
): Answer {
  const [first, ...rest] = checks
  if (first === undefined) return !wanted
  return then(holds(first), yes => (yes === wanted ? wanted : firstThat(rest, holds, wanted)))
}

function then(answer: Answer, goOn: (yes: boolean) => Answer): Answer {
  return typeof answer === 'boolean' ? goOn(answer) : answer.then(goOn)
}

/** By the names that oslo.context gives them. */
function attributes(
  credentials: Credentials,
): ReadonlyMap<string, string | null | readonly string[]> {
  return new Map<string, string | null | readonly string[]>([
    ['user_id', credentials.user],
    ['project_id', credentials.project],
    ['roles', credentials.roles],
    ['service_roles', credentials.serviceRoles],
    ['user_domain_id', credentials.userDomain],
    ['project_domain_id', credentials.projectDomain],
    ['domain_id', credentials.domain],
    ['system_scope', credentials.systemScope],
  ])
}

/** A value in the path or the query of a URL; undefined for what would change which path it is. */
function inUrl(value: string): string | undefined {
  const isPlain = value !== '.' && value !== '..' && !/\p{Surrogate}/u.test(value)
  return isPlain ? encodeURIComponent(value) : undefined
}

function fill(
  template: Template,
  target: Target,
  write: (value: string) => string | undefined = value => value,
): string | undefined {
  let text = ''
  for (const piece of template) {
    if (typeof piece === 'string') {
      text += piece
      continue
    }
    if (!Object.hasOwn(target, piece.key)) return undefined
    const value = write(spell(target[piece.key] ?? null))
    if (value === undefined) return undefined
    text += value
  }
  return text
}

/** As Python does, since rules compare text with what it makes of a value. */
function spell(value: string | number | boolean | null): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return String(value)
}

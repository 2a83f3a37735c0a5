import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GlanceError, messageOf } from '../../errors.ts'
import type { Check, RuleTable } from './check.ts'
import { Policy, type PolicyOptions } from './policy.ts'
import { parsePolicyFile } from './policy-file.ts'
import {
  parsePropertyRules,
  type PropertyRuleFormat,
  type PropertyRules,
} from './property-protection.ts'

export interface PolicyFiles {
  /** Null for the defaults alone. */
  readonly policyFile: string | null
  /** Folders whose files count as well, each over those before it; one that is not there has none. */
  readonly policyDirs: readonly string[]
  /** Null when properties are not protected. */
  readonly propertyProtectionFile: string | null
  readonly propertyProtectionRuleFormat: PropertyRuleFormat
}

/** The policy as the files have it now. */
export interface PolicySource {
  current(): Promise<Policy>
}

/**
 * Reads the policy, and reads it again when one of its files has changed, come or gone. A change that makes no sense is reported once, and
 * the rules of before stay in force. @throws {GlanceError} `usage` when it makes no sense to begin with.
 */
export async function openPolicy(
  files: PolicyFiles,
  options: PolicyOptions,
  report: (error: unknown) => void,
): Promise<PolicySource> {
  const settings = { ...options, propertyRules: await readPropertyRules(files) }
  if (files.policyFile === null && files.policyDirs.length === 0) {
    const policy = new Policy(new Map(), settings)
    return { current: async () => policy }
  }
  const read = async (paths: readonly string[]) => new Policy(await rulesIn(paths), settings)
  const paths = await pathsOf(files)
  let version = await versionOf(paths)
  let policy = await read(paths)
  return {
    current: async () => {
      const paths = await pathsOf(files)
      const latest = await versionOf(paths)
      if (latest === version) return policy
      version = latest
      try {
        policy = await read(paths)
      } catch (error) {
        report(error)
      }
      return policy
    },
  }
}

async function readPropertyRules(files: PolicyFiles): Promise<PropertyRules | null> {
  const { propertyProtectionFile: path, propertyProtectionRuleFormat: format } = files
  return path === null ? null : parsePropertyRules(await readText(path), path, format)
}

/** The files with rules, in the order in which they count. */
async function pathsOf({ policyFile, policyDirs }: PolicyFiles): Promise<readonly string[]> {
  const paths = policyFile === null ? [] : [policyFile]
  for (const folder of policyDirs) {
    const names = await readdir(folder).catch(() => [])
    const files = names.filter(name => /^[^.].*\.(?:json|ya?ml)$/.test(name)).toSorted()
    paths.push(...files.map(name => join(folder, name)))
  }
  return paths
}

async function rulesIn(paths: readonly string[]): Promise<RuleTable> {
  const rules = new Map<string, Check>()
  for (const path of paths) {
    for (const [name, check] of parsePolicyFile(await readText(path), path)) rules.set(name, check)
  }
  return rules
}

/** Another one whenever a file is another one, or is not there any more. */
async function versionOf(paths: readonly string[]): Promise<string> {
  const versions = paths.map(async path => {
    try {
      const { ino, size, mtimeMs } = await stat(path)
      return [path, ino, size, mtimeMs].join()
    } catch {
      return path
    }
  })
  return (await Promise.all(versions)).join('\n')
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new GlanceError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

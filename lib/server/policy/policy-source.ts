import { readFile, stat } from 'node:fs/promises'
import { GlanceError, messageOf } from '../../errors.ts'
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
  /** Null when properties are not protected. */
  readonly propertyProtectionFile: string | null
  readonly propertyProtectionRuleFormat: PropertyRuleFormat
}

/** The policy as the file has it now. */
export interface PolicySource {
  current(): Promise<Policy>
}

/**
 * Reads the policy, and reads it again when its file has changed. A change that makes no sense is reported once, and
 * the rules of before stay in force. @throws {GlanceError} `usage` when it makes no sense to begin with.
 */
export async function openPolicy(
  files: PolicyFiles,
  options: PolicyOptions,
  report: (error: unknown) => void,
): Promise<PolicySource> {
  const { policyFile: path } = files
  const settings = { ...options, propertyRules: await readPropertyRules(files) }
  if (path === null) {
    const policy = new Policy(new Map(), settings)
    return { current: async () => policy }
  }
  const read = async () => new Policy(parsePolicyFile(await readText(path), path), settings)
  let version = await versionOf(path)
  let policy = await read()
  return {
    current: async () => {
      const latest = await versionOf(path)
      if (latest === version) return policy
      version = latest
      try {
        policy = await read()
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

/** Another one whenever the file is another one; empty while it is not there. */
async function versionOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path)
    return [ino, size, mtimeMs].join()
  } catch {
    return ''
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new GlanceError('usage', `${path} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

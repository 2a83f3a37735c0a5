import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readConfig } from '../../lib/server/config.ts'
import { startTestServer } from '../support/server.ts'
import type { Side } from './runner.ts'
import type { Setting } from './settings.ts'

/** Our server, set up so, for the time of a test. */
export async function startOurs(t: Test, setting: Setting, source: string): Promise<Side> {
  const folder = t.testdir()
  writeSetting(setting, folder)
  const config = await readConfig(join(folder, 'setting.conf'))
  const { url } = await startTestServer(t, {
    ...config,
    dataDir: folder,
    auth: 'trusted_headers',
    enableV1Api: false, // Which Debian's Glance has not.
  })
  return { url, places: { folder, source } }
}

/** Writes the files of a setting, of which `setting.conf` is what both servers read. */
export function writeSetting({ config, files = {} }: Setting, folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries({ ...files, 'setting.conf': config })) {
    writeFileSync(join(folder, name), text.replaceAll('{folder}', folder))
  }
}

/** Writes the settings into their page of the manual, from what was compiled. */
import { readFileSync, writeFileSync } from 'node:fs'

const { SETTINGS_PAGE, withSettings } = await import(
  new URL('../dist/test/support/settings-page.js', import.meta.url)
)
writeFileSync(SETTINGS_PAGE, withSettings(readFileSync(SETTINGS_PAGE, 'utf8')))

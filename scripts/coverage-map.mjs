/** Every file counts for coverage, whichever test ran it; the tests themselves do not. */
import { readdirSync } from 'node:fs'

const all = ['dist/lib', 'dist/bin'].flatMap(folder =>
  readdirSync(folder, { recursive: true })
    .filter(name => name.endsWith('.js'))
    .map(name => `${folder}/${name}`),
)

export default () => all

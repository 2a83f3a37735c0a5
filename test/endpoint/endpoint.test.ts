import { readdir } from 'node:fs/promises'
import t from 'tap'
import { DirectoryEndpoint } from '../../lib/endpoint/directory.ts'
import { MemoryEndpoint } from '../../lib/endpoint/memory.ts'
import { endpointSuite } from '../../lib/compliance/endpoint-suite.ts'

t.test('memory', t => {
  endpointSuite(t, { create: async () => new MemoryEndpoint() })
  t.end()
})

t.test('directory', t => {
  endpointSuite(t, {
    create: async t => await DirectoryEndpoint.open(t.testdir(), { writable: true }),
    check: async (t, { name }) => {
      const names = await readdir(name.slice('dir:'.length))
      t.notOk(
        names.some(name => name.endsWith('.part')),
        'no partial file is left',
      )
    },
  })
  t.end()
})

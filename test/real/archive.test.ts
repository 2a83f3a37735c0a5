import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../support/command.ts'
import { Embedded } from './support/embedded.ts'
import { Glance } from './support/glance.ts'
import { fill, realImages } from './support/images.ts'
import { replicator } from './support/replicator.ts'

t.test("images of Debian's Glance in an archive", async t => {
  const folder = t.testdir()
  const images = await realImages(folder)
  await using source = await Glance.start()
  await fill(source, images)
  const count = images.length

  for (const { name, test, unpack } of [
    { name: 'images.tar', test: ['tar', '-tf'], unpack: ['tar', '-xf'] },
    { name: 'images.tar.gz', test: ['gzip', '-t'], unpack: ['tar', '-xzf'] },
    { name: 'images.tar.zst', test: ['zstd', '-qt'], unpack: ['tar', '--zstd', '-xf'] },
  ]) {
    await t.test(`${name} is what tar reads, and loads`, async t => {
      const file = join(folder, name)
      t.match(await replicator('dump', source.address, file), { status: 0 })
      t.match(await runCommand(test[0] ?? '', [...test.slice(1), file]), { status: 0 })
      t.match(await replicator('verify', file), { status: 0, results: { totals: { ok: count } } })

      const unpacked = join(folder, 'unpacked')
      await mkdir(unpacked)
      const words = [...unpack.slice(1), file, '-C', unpacked]
      t.match(await runCommand(unpack[0] ?? '', words), { status: 0, stderr: '' })
      t.match(await replicator('verify', unpacked), {
        status: 0,
        results: { totals: { ok: count } },
      })

      const packed = join(folder, 'packed.tar')
      const again = ['--sort=name', '-cf', packed, '-C', unpacked, '.']
      t.match(await runCommand('tar', again), { status: 0 })
      t.match(await replicator('verify', packed), { status: 0, results: { totals: { ok: count } } })
      await rm(unpacked, { recursive: true })

      await using target = await Embedded.start()
      t.match(await replicator('load', target.address, file), { status: 0 })
      t.match(await replicator('compare', source.address, target.address), { status: 0 })
    })

    await t.test(`${name} that is cut short loads what was whole`, async t => {
      const data = await readFile(join(folder, name))
      const file = join(folder, `cut-${name}`)
      await writeFile(file, data.subarray(0, Math.floor(data.length / 2)))
      await using target = await Glance.start()
      const { status, results, stderr } = await replicator('load', target.address, file)
      t.equal(status, 1)
      t.match(stderr, /cut short|zstd: /)
      t.ok((results.totals['failed'] ?? 0) > 0)
      t.match(await replicator('verify', target.address), {
        status: 0,
        results: { totals: { ok: results.totals['created'] ?? 0 } },
      })
      t.match(await replicator('load', target.address, join(folder, name)), { status: 0 })
      t.match(await replicator('compare', source.address, target.address), { status: 0 })
    })
  }
})

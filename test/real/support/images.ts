import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import { idOf } from '../../support/images.ts'
import type { Document, Service } from './service.ts'

/** An image that boots, and how it is registered. */
export interface RealImage {
  readonly id: string
  readonly file: string
  readonly fields: Document
}

/** What Debian ships to boot from, and disks that `qemu-img` makes of it in `folder`; every kind of metadata. */
export async function realImages(folder: string): Promise<readonly RealImage[]> {
  const grub = '/usr/lib/grub-rescue/grub-rescue-cdrom.iso'
  const qcow2 = join(folder, 'disk.qcow2')
  await run('qemu-img', 'convert', '-O', 'qcow2', '-c', grub, qcow2)
  await run('qemu-img', 'resize', qcow2, '64M')
  await run('qemu-io', '-c', 'write -P 0xab 32M 3M', '-c', 'write -P 0x01 60M 64k', qcow2)
  const vmdk = join(folder, 'disk.vmdk')
  await run('qemu-img', 'convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', grub, vmdk)
  const empty = join(folder, 'empty')
  await writeFile(empty, '')

  const rows: readonly (readonly [file: string, fields: Document])[] = [
    [
      '/usr/lib/ipxe/ipxe.iso',
      {
        name: 'iPXE',
        disk_format: 'iso',
        visibility: 'public',
        min_disk: 1,
        min_ram: 64,
        tags: ['rom', 'netboot', 'été'],
      },
    ],
    [
      grub,
      {
        name: 'GRUB – 救援 CD',
        disk_format: 'iso',
        visibility: 'community',
        os_distro: 'debian',
        note: 'naïve “quotes”, \\ and\nlines',
        nothing: '',
      },
    ],
    [
      '/usr/lib/grub-rescue/grub-rescue-floppy.img',
      { name: 'floppy', disk_format: 'raw', visibility: 'private', os_hidden: true },
    ],
    [
      '/boot/memtest86+x64.bin',
      { name: 'memtest', disk_format: 'raw', visibility: 'shared', protected: true },
    ],
    [
      '/boot/memtest86+x64.efi',
      {
        name: 'memtest',
        disk_format: 'raw',
        visibility: 'public',
        os_hidden: true,
        owner: 'a5e7e0f2c3d14b6f8a9b0c1d2e3f4a5b',
        'a/b~c:d': 'an awkward name',
      },
    ],
    [qcow2, { name: 'disk', disk_format: 'qcow2', visibility: 'public', min_disk: 2 }],
    [
      vmdk,
      {
        name: '',
        disk_format: 'vmdk',
        visibility: 'community',
        os_hidden: true,
        vmware_disktype: 'streamOptimized',
        protected: true,
      },
    ],
    [empty, { name: 'nothing at all', disk_format: 'raw', visibility: 'public' }],
  ]
  return rows.map(([file, fields], index) => {
    const id = idOf(index + 1)
    return { id, file, fields: { ...fields, id, container_format: 'bare' } }
  })
}

/** Registers and uploads them. */
export async function fill(service: Service, images: readonly RealImage[]): Promise<void> {
  for (const { id, file, fields } of images) {
    await service.create(fields)
    await service.upload(id, file)
  }
}

/** A file of so many zeros that takes no room, to be registered as a raw image. */
export async function zeros(file: string, bytes: number): Promise<void> {
  await writeFile(file, '')
  await truncate(file, bytes)
}

async function run(command: string, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await runCommand(command, words)
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`)
}

import type { ImportWork } from '../work.ts'

/** Gives the image the properties that the deployer wants every image to have, unless a role of the caller is exempt. */
export async function injectImageMetadata(work: ImportWork): Promise<void> {
  const { properties, ignoredRoles } = work.importer.inject
  if (work.job.context.roles.some(role => ignoredRoles.includes(role))) return
  const injected = [...properties].filter(([name]) => !name.startsWith('os_glance'))
  await work.edit(image => ({ properties: new Map([...image.properties, ...injected]) }))
}

import { recoverDeletions } from '../domain/deletion.ts'
import { recover } from '../domain/recover.ts'
import { isResumable, removeAbandoned } from '../domain/resumable.ts'
import type { Service } from '../domain/service.ts'
import { recoverImports } from '../import/recover-imports.ts'

/** Puts right what an earlier service was cut off in. To be called before any request is taken, once for all processes. */
export async function recoverAll(service: Service): Promise<void> {
  await recover(service)
  await recoverImports(service)
  if (isResumable(service)) {
    await service.parts.recover()
    await removeAbandoned(service)
  }
  await recoverDeletions(service)
  await service.database.tasks.deleteExpired(service.now())
}

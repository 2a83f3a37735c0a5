/**
 * Copying, comparing and removing images, as the commands do it.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './replicate/adaptive-limit.test.ts'
import './replicate/apply-again.test.ts'
import './replicate/apply.test.ts'
import './replicate/dry-run.test.ts'
import './replicate/mapping.test.ts'
import './replicate/members.test.ts'
import './replicate/preflight.test.ts'
import './replicate/projects.test.ts'
import './replicate/pull.test.ts'
import './replicate/removal-bounds.test.ts'
import './replicate/removal-safety.test.ts'
import './replicate/removal.test.ts'
import './replicate/replicate.test.ts'
import './replicate/resumed-uploads.test.ts'
import './replicate/several-removal.test.ts'
import './replicate/several-targets.test.ts'
import './replicate/transfer.test.ts'

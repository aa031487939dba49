/** Examines one server: with all rules, and then, each on a server of its own, with those that may bring it down. */
import { examineServer, type Finding, ruleTexts } from '@nbdjs/examiner';
import { versionOf } from '@nbdjs/peers';
import { connectUnix } from '@nbdjs/transport';
import type { Examination } from './examination.ts';
import { type Examined, generation, workspaceOf } from './servers.ts';

const timeoutMs = 3000;

export async function examine(server: Examined): Promise<Examination> {
  const report = await withServer(server, {});
  const risky: Finding[] = [];
  for (const { id } of ruleTexts.filter(({ isRisky }) => isRisky)) {
    const { findings } = await withServer(server, { only: [id], risky: true });
    risky.push(...findings);
  }
  return { version: versionOf(server.program, generation), report, risky };
}

async function withServer(server: Examined, options: { readonly only?: readonly string[]; readonly risky?: boolean }) {
  await using workspace = workspaceOf();
  await using running = await server.start(workspace);
  const { socketPath } = running;
  const report = await examineServer(
    { exportName: server.exportName, open: ({ signal }) => connectUnix(socketPath, { signal }) },
    { destructive: true, timeoutMs, ...options },
  );
  // Where the socket was this time is of no interest.
  const findings = report.findings.map((one) => ({ ...one, text: one.text.replaceAll(socketPath, 'its socket') }));
  return { ...report, findings };
}

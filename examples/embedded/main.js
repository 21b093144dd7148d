import { createRuntime, FileCheckpointStore } from '@kube-trigger/core';
import { file, print } from './plugins.js';

const runtime = createRuntime({
  plugins: [file, print],
  rules: { watch: { sources: [{ file: { path: 'watched.txt' } }], actions: [{ print: { text: 'seen' } }] } },
  checkpoints: new FileCheckpointStore('state'),
});
runtime.reports.subscribe((report) => {
  if (report.type === 'settled')
    process.stdout.write(`${report.event.key} ${report.event.change}: ${report.outcome}\n`);
  if (report.type === 'source') process.stdout.write(`${report.source} ${report.state}\n`);
});
await runtime.start();
process.once('SIGINT', () => void runtime.stop(10_000));

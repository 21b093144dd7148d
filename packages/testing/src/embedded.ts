interface DevCluster {
  readonly url: string;
  readonly token: string;
  readonly faults: { compact(): void };
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface DevClusterModule {
  startDevCluster(options: { controllers: boolean }): Promise<DevCluster>;
}

/** Loaded when it is needed: most test files of a real run never start it. */
export async function startDevCluster(options: { controllers: boolean }): Promise<DevCluster> {
  const module = (await import('@kube-trigger/devcluster')) as unknown as DevClusterModule;
  return module.startDevCluster(options);
}

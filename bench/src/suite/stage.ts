import { startEmbedded, startReal, type StartClusterOptions, type TestCluster } from '@kube-trigger/testing';
import { definitionTexts } from '../rig.js';
import { Controller, type ControllerOptions } from './controller.js';

export interface StageOptions {
  readonly cluster: 'embedded' | 'real';
  /** A short form for CI: smaller numbers, the same ratios. */
  readonly quick: boolean;
  /** The command of a peer's controller. */
  readonly against?: string | undefined;
  /** Told of what goes on, for people. */
  readonly onProgress?: (text: string) => void;
}

/** What a scenario is given. Whatever is started on it ends with it, the last first. */
export class Stage implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();

  constructor(private readonly options: StageOptions) {}

  get quick(): boolean {
    return this.options.quick;
  }

  get against(): string | undefined {
    return this.options.against;
  }

  get cluster(): 'embedded' | 'real' {
    return this.options.cluster;
  }

  progress(text: string): void {
    this.options.onProgress?.(text);
  }

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    return this.#resources.use(resource);
  }

  /** An API server of its own with kube-trigger's definitions, without controllers: nothing but the subject reacts. */
  async startCluster(options: StartClusterOptions = {}): Promise<TestCluster> {
    const start = this.options.cluster === 'embedded' ? startEmbedded : startReal;
    return this.use(await start({ own: true, controllers: false, crds: definitionTexts(), ...options }));
  }

  /** The controller under test, kube-trigger's bundle or the peer's command, against this cluster or what stands before it. */
  async startController(
    cluster: TestCluster,
    options: Omit<ControllerOptions, 'kubeconfig' | 'against'> & { readonly kubeconfig?: string },
  ): Promise<Controller> {
    const kubeconfig = options.kubeconfig ?? (await cluster.writeKubeconfig());
    return this.use(await Controller.start({ ...options, kubeconfig, against: this.against }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

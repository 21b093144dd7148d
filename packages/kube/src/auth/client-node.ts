// What is used of @kubernetes/client-node, in a module of its own: imported when it is needed, and a bundler leaves out the rest (5 MB).
export { KubeConfig } from '@kubernetes/client-node';
export { parse } from 'yaml';

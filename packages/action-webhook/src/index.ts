export { TemplateEngine } from './template/template.js';

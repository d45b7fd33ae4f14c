"""From open icons to a base: the stages of `flows.pretrain_base`, and the folders they leave on this machine."""

{% if config_get("cloud-init.network-config", "") == "" %}version: 2
ethernets:
  eth0:
    dhcp4: true
    dhcp-identifier: mac
{% else %}{{ config_get("cloud-init.network-config", "") }}{% endif %}

##! Makes osquery hosts sensors of this Zeek. Loading this listens nowhere and subscribes to nothing: see
##! :zeek:see:`osquery::listen_native` and :zeek:see:`osquery::listen_websocket`, and the scripts under ``logging/``.

@load ./framework

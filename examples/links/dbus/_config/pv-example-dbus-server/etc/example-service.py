# A service on the bus, org.pantavisor.Example: one method, which tells about the service.
import asyncio
import socket

from dbus_next.aio import MessageBus
from dbus_next.service import ServiceInterface, method


class Example(ServiceInterface):
    @method()
    def GetInfo(self) -> 's':
        return '{"service": "dbus-example", "status": "active"}'


def say_ready():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect('/run/holdfast/ready.sock')
        connection.sendall(b'ready\n')
        connection.recv(16)


async def serve():
    bus = await MessageBus('unix:path=/run/dbus/system_bus_socket').connect()
    bus.export('/org/pantavisor/Example', Example('org.pantavisor.Example'))
    await bus.request_name('org.pantavisor.Example')
    say_ready()
    await bus.wait_for_disconnect()


asyncio.run(serve())

# A service on a bus, with two names, and a client that listens for its signals.
#   python3 link-bus.py serve
#   python3 link-bus.py listen ADDRESS      prints names of the signals that it got, one a line, until the last one
import asyncio
import sys

from dbus_next import Message, MessageType
from dbus_next.aio import MessageBus

example = 'org.pantavisor.Example'
other = 'org.pantavisor.Other'
path = '/org/pantavisor/Example'


async def connected(address):
    return await MessageBus(address).connect()


def daemon_call(member, signature, body):
    names = {'destination': 'org.freedesktop.DBus', 'interface': 'org.freedesktop.DBus'}
    return Message(path='/org/freedesktop/DBus', member=member, signature=signature, body=body, **names)


# Tells the caller as which user the bus knows it.
async def tell_user(bus, message):
    found = await bus.call(daemon_call('GetConnectionUnixUser', 's', [message.sender]))
    bus.send(Message.new_method_return(message, 'u', found.body))


def signal(interface, member, destination=None):
    return Message(
        message_type=MessageType.SIGNAL, path=path, interface=interface, member=member, destination=destination
    )


# To everybody, of both interfaces, to the caller alone, and the last one.
def emit(bus, message):
    for each in [
        signal(other, 'OtherToAll'),
        signal(other, 'OtherToCaller', message.sender),
        signal(example, 'ToCaller', message.sender),
        signal(example, 'Last'),
    ]:
        bus.send(each)
    return Message.new_method_return(message)


def answer(bus, message):
    if message.message_type is not MessageType.METHOD_CALL or message.path != path:
        return None
    if message.member == 'GetInfo':
        return Message.new_method_return(message, 's', [f'{message.interface} is active'])
    if message.member == 'GetUser':
        asyncio.ensure_future(tell_user(bus, message))
        return True
    if message.member == 'Emit':
        return emit(bus, message)
    return None


async def serve():
    bus = await connected('unix:path=/run/dbus/system_bus_socket')
    bus.add_message_handler(lambda message: answer(bus, message))
    for name in [example, other]:
        await bus.request_name(name)
    await bus.wait_for_disconnect()


async def listen(address):
    bus = await connected(address)
    over = asyncio.get_running_loop().create_future()

    def heard(message):
        if message.message_type is not MessageType.SIGNAL or message.path != path:
            return
        print(message.member, flush=True)
        if message.member == 'Last' and not over.done():
            over.set_result(None)

    bus.add_message_handler(heard)
    await bus.call(daemon_call('AddMatch', 's', [f"type='signal',path='{path}'"]))
    await bus.call(Message(destination=example, path=path, interface=example, member='Emit'))
    await asyncio.wait_for(over, 20)


asyncio.run(serve() if sys.argv[1] == 'serve' else listen(sys.argv[2]))
